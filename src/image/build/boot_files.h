// What of a tree must lie outside of the body: the outer cpio of a nested initrd, and the additions
// of a flat one.
#pragma once

#include "base/result.h"
#include "image/tree/tree.h"

namespace inro::image {

// /init (the guest binary itself), boot.conf, the list of early modules and these modules, the
// console and null devices, and the mount points of stage 1. Everything comes from `tree`.
Result<Tree> OuterTree(const Tree& tree);

// The tree with /init, which the kernel runs in an initrd.
Result<Tree> FlatTree(const Tree& tree);

// Adds dev/console and dev/null: a kernel that does not mount devtmpfs by itself gives PID 1 no
// descriptors without them.
Result<> AddConsoleNodes(Tree& tree);

}  // namespace inro::image
