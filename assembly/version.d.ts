// For editors: the integers that scripts/package_version_transform.mjs defines. asc reads no .d.ts file.
declare const RECURRA_VERSION_MAJOR: i32;
declare const RECURRA_VERSION_MINOR: i32;
declare const RECURRA_VERSION_PATCH: i32;
