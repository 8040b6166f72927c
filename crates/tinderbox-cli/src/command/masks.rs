//! The arguments about pictures with masks.

use std::path::PathBuf;

use clap::Args;
use tinderbox::vision::SegmenterSettings;

use super::settings::Settings;

/// What there is to say about masks.
#[derive(Debug, Args)]
#[command(next_help_heading = "Masks")]
pub(super) struct MaskArgs {
    /// Folder with the pictures, at any depth
    #[arg(long, value_name = "DIR", conflicts_with = "folder")]
    pub(super) images: Option<PathBuf>,

    /// Folder with their masks, called as they are or with `_P`, `_mask` or the like
    /// behind [default: the pictures' folder]
    ///
    /// A mask is gray: the number in a pixel is the code of its class.
    #[arg(long, value_name = "DIR")]
    masks: Option<PathBuf>,

    /// File with the name of a class in each line, from code 0 on [default:
    /// codes.txt in or beside the folders]
    #[arg(long, value_name = "FILE")]
    codes: Option<PathBuf>,

    /// Class whose pixels are not counted, or a code that has no class, such as 255
    /// [default: the class called Void]
    #[arg(long, value_name = "CLASS")]
    void: Option<String>,

    /// Run to start from, with its network and its weights, at another size
    #[arg(long, value_name = "RUN")]
    from: Option<PathBuf>,
}

impl MaskArgs {
    /// A setting that was given and means nothing without masks.
    fn given(&self) -> Option<&'static str> {
        let given = [
            ("--images", self.images.is_some()),
            ("--masks", self.masks.is_some()),
            ("--codes", self.codes.is_some()),
            ("--void", self.void.is_some()),
            ("--from", self.from.is_some()),
        ];
        given.into_iter().find(|(_, given)| *given).map(|(flag, _)| flag)
    }

    /// Whether there are masks.
    pub(super) fn is_given(&self) -> bool {
        self.images.is_some() || self.masks.is_some() || self.codes.is_some()
    }

    /// Fails for settings that mean nothing without masks.
    pub(super) fn check_unused(&self) -> anyhow::Result<()> {
        match self.given() {
            Some(flag) => {
                anyhow::bail!("`{flag}` is for pictures with masks: `--task segment`")
            }
            None => Ok(()),
        }
    }

    /// All that is said, where `folder` holds the pictures if nothing else does; fails for settings
    /// that mean nothing for masks.
    pub(super) fn read(
        &self,
        settings: &Settings,
        folder: PathBuf,
        out: PathBuf,
    ) -> anyhow::Result<SegmenterSettings> {
        if let Some(flag) = settings.of_classes() {
            anyhow::bail!("`{flag}` is for pictures of classes, and these have masks");
        }
        let images = self.images.clone().unwrap_or(folder);
        Ok(SegmenterSettings {
            masks: self.masks.clone().unwrap_or_else(|| images.clone()),
            codes: self.codes.clone(),
            void: self.void.clone(),
            from: self.from.clone(),
            ..settings.read_masks(images, out)
        })
    }
}
