//! Graphics cards, through Vulkan, Metal, DirectX or WebGPU.

use burn::tensor::{Device, DeviceType};

/// How many there are; nothing if the program was not built for them.
pub(super) fn n_devices() -> Option<usize> {
    Some(Device::enumerate(DeviceType::Wgpu).len())
}

/// The one of this number, and what it is called.
pub(super) fn device(number: usize) -> (Device, String) {
    let device =
        Device::enumerate(DeviceType::Wgpu).into_iter().nth(number).expect("it was counted");
    let name = device.identity().map_or_else(|| format!("{device:?}"), |card| format!("{card:?}"));
    (device, name)
}
