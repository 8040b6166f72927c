//! Graphics cards, through Vulkan, Metal, DirectX or WebGPU.

use burn::tensor::{Device, DeviceType};

pub(super) const BUILT: bool = true;

/// The first that is no driver computing on the CPU, and what it is called.
pub(super) fn card() -> Option<(Device, String)> {
    let is_card = |device: &Device| device.identity().is_some_and(|found| found.physical.is_some());
    Device::enumerate(DeviceType::Wgpu).into_iter().find(is_card).map(named)
}

/// The one of this number, drivers that compute on the CPU behind the cards; else how many there are.
pub(super) fn nth(number: usize) -> Result<(Device, String), usize> {
    let all = Device::enumerate(DeviceType::Wgpu);
    let found = all.len();
    all.into_iter().nth(number).map(named).ok_or(found)
}

fn named(device: Device) -> (Device, String) {
    let name = device.identity().map_or_else(|| format!("{device:?}"), |found| found.name);
    (device, name)
}
