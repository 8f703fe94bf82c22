"""The data: sets by name, folders, shards and single files of images, made into batches on the device."""
