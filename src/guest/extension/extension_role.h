// Role `extension-mount`: mounts one guest extension image, and takes it away again. It is what the
// unit template kata-extension-mount@.service runs; docs/extensions.md tells the whole story.
#pragma once

namespace inro::guest::extension {

// extension-mount NAME | extension-mount --unmount NAME. 0: done; 1: it failed, and stderr says
// why; 2: bad usage.
int RunExtensionMount(int argc, char** argv);

}  // namespace inro::guest::extension
