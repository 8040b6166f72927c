//! Where a run is computed.

use burn::tensor::Device;

use crate::{DeviceChoice, Hinted, Result, plan::Choices};

/// A device that this program does not have.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    #[error("`{asked}` is not available: this program was built for the CPU only")]
    NotBuilt { asked: DeviceChoice },

    #[error("`{asked}` is not available; GPUs found: {found}")]
    NotFound { asked: DeviceChoice, found: usize },
}

impl Hinted for DeviceError {
    fn hint(&self) -> Option<String> {
        Some(
            match self {
                Self::NotBuilt { .. } => {
                    "build it with the feature `wgpu`, or leave `--device` out"
                }
                Self::NotFound { .. } => "use `--device cpu`",
            }
            .into(),
        )
    }
}

/// The device of a choice, with autodiff.
///
/// # Errors
/// [`DeviceError`].
pub fn device(choice: DeviceChoice) -> Result<Device> {
    Ok(find(choice)?.0.autodiff())
}

/// Fails for a device that is not there; tells which one it is, where there is a choice.
pub(crate) fn check(choice: DeviceChoice, choices: &mut Choices) -> Result<()> {
    let (_, name) = find(choice)?;
    if choice != DeviceChoice::Auto {
        choices.tell("device", name, crate::plan::ASKED);
    } else if gpu::BUILT {
        choices.tell("device", name, "choose another with `--device`");
    }
    Ok(())
}

fn find(choice: DeviceChoice) -> Result<(Device, String)> {
    let cpu = || (Device::flex(), "CPU".to_owned());
    Ok(match choice {
        DeviceChoice::Cpu => cpu(),
        DeviceChoice::Auto => gpu::card().unwrap_or_else(cpu),
        DeviceChoice::Gpu(number) => gpu::nth(number).map_err(|found| match gpu::BUILT {
            true => DeviceError::NotFound { asked: choice, found },
            false => DeviceError::NotBuilt { asked: choice },
        })?,
    })
}

#[cfg(not(feature = "wgpu"))]
mod gpu {
    use super::Device;

    pub(super) const BUILT: bool = false;

    pub(super) fn card() -> Option<(Device, String)> {
        None
    }

    pub(super) fn nth(_: usize) -> Result<(Device, String), usize> {
        Err(0)
    }
}

#[cfg(feature = "wgpu")]
mod gpu;

#[cfg(test)]
mod tests {
    use crate::error::check;

    use super::*;

    #[test]
    fn a_device_that_is_not_there_is_named() {
        let asked = DeviceChoice::Gpu(1);
        check(
            DeviceError::NotBuilt { asked },
            "`gpu:1` is not available: this program was built for the CPU only",
            Some("feature `wgpu`"),
        );
        check(
            DeviceError::NotFound { asked, found: 1 },
            "`gpu:1` is not available; GPUs found: 1",
            Some("--device cpu"),
        );
        assert!(!find(DeviceChoice::Cpu).unwrap().0.is_autodiff());
    }
}
