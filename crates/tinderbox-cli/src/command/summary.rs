use std::path::PathBuf;

use clap::{Args, builder::StringValueParser};
use tinderbox::{
    model::arch::{ARCHS, ArchSpec},
    model_summary, open_model,
};

use crate::{exit::Done, offered::offering, terminal::print_data};

/// List a model's layers with their output shapes and parameters
///
/// Examples:
///   tinderbox summary runs/photos
///   tinderbox summary --arch resnetish --channels 1 --size 28 --classes 10 --batch-size 128
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Summary {
    /// Run folder or model file
    #[arg(required_unless_present = "arch", conflicts_with = "arch")]
    model: Option<PathBuf>,

    /// Architecture
    #[arg(long, value_name = "NAME", value_parser = offering(StringValueParser::new(), ARCHS.iter().map(|arch| arch.name)))]
    arch: Option<String>,

    /// Channels of the images: 1 for gray, 3 for color
    #[arg(long, value_name = "N", default_value_t = 3, requires = "arch", value_parser = clap::value_parser!(u32).range(1..=16))]
    channels: u32,

    /// Height and width of the images, in pixels
    #[arg(long, value_name = "PIXELS", default_value_t = 128, requires = "arch", value_parser = clap::value_parser!(u32).range(1..=4096))]
    size: u32,

    /// Number of classes
    #[arg(long, value_name = "N", default_value_t = 10, requires = "arch", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    classes: u32,

    /// Batch size of the output shapes
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=4096))]
    batch_size: u32,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl Summary {
    pub(crate) fn run(self) -> anyhow::Result<Done> {
        let (spec, about) = match (&self.model, &self.arch) {
            (Some(model), _) => {
                let manifest = open_model(model)?.manifest;
                (manifest.arch, Some(manifest.inference.describe()))
            }
            (None, Some(arch)) => {
                let [channels, classes, size] =
                    [self.channels, self.classes, self.size].map(|n| n as usize);
                let spec = ArchSpec::new(arch, channels, classes, [size; 2]);
                (spec.map_err(tinderbox::Error::from)?.into(), None)
            }
            (None, None) => unreachable!("clap asks for one of them"),
        };
        let summary = model_summary(&spec, self.batch_size as usize)?;
        print_data(&match self.json {
            true => {
                let mut json = serde_json::to_value(&summary)?;
                if let (Some(object), Some(about)) = (json.as_object_mut(), about) {
                    object.insert("about".to_owned(), about.into());
                }
                json.to_string()
            }
            false => {
                let table = summary.to_string().trim_end().to_owned();
                about.map_or(table.clone(), |about| format!("{table}\n\n{about}"))
            }
        });
        Ok(Done::Ok)
    }
}
