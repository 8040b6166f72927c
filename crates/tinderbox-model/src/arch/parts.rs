//! Models whose parts have names that are none in Rust: `0` and `1`.

/// What `derive(Module)` writes, with the names of a checkpoint for the parts.
macro_rules! module_of_parts {
    ($type:ident { $($part:ident: $name:literal),+ } keeps { $($kept:ident),* }) => {
        impl burn::module::Module for $type {
            fn visit<V: burn::module::ModuleVisitor>(&self, visitor: &mut V) {
                $(
                    visitor.enter_module($name, stringify!($type));
                    self.$part.visit(visitor);
                    visitor.exit_module($name, stringify!($type));
                )+
            }

            fn map<M: burn::module::ModuleMapper>(self, mapper: &mut M) -> Self {
                $(
                    mapper.enter_module($name, stringify!($type));
                    let $part = self.$part.map(mapper);
                    mapper.exit_module($name, stringify!($type));
                )+
                Self { $($part,)+ $($kept: self.$kept),* }
            }

            fn collect_devices(&self, devices: burn::module::Devices) -> burn::module::Devices {
                $(let devices = self.$part.collect_devices(devices);)+
                devices
            }

            fn fork(self, device: &burn::tensor::Device) -> Self {
                Self { $($part: self.$part.fork(device),)+ $($kept: self.$kept),* }
            }

            fn to_device(self, device: &burn::tensor::Device) -> Self {
                Self { $($part: self.$part.to_device(device),)+ $($kept: self.$kept),* }
            }

            fn train(self) -> Self {
                Self { $($part: self.$part.train(),)+ $($kept: self.$kept),* }
            }

            fn valid(&self) -> Self {
                Self { $($part: self.$part.valid(),)+ $($kept: self.$kept.clone()),* }
            }

            fn materialize(self) -> Self {
                Self { $($part: self.$part.materialize(),)+ $($kept: self.$kept),* }
            }
        }

        impl burn::module::ModuleDisplayDefault for $type {
            fn content(&self, content: burn::module::Content) -> Option<burn::module::Content> {
                content.set_top_level_type(stringify!($type))
                    $(.add($name, &self.$part))+
                    .optional()
            }
        }

        impl burn::module::ModuleDisplay for $type {}
    };
}

pub(crate) use module_of_parts;
