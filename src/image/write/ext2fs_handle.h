// Ownership and errors of libext2fs.
#pragma once

extern "C" {  // the header itself does not say so
#include <et/com_err.h>
}
#include <ext2fs/ext2fs.h>

#include <memory>

#include "base/result.h"

namespace inro::image {

// Frees an open file system without writing what is pending.
struct Ext2fsFree {
  void operator()(struct_ext2_filsys* fs) const { ext2fs_free(fs); }
};
using Ext2fsHandle = std::unique_ptr<struct_ext2_filsys, Ext2fsFree>;

// An error from a code of libext2fs.
inline std::unexpected<Error> Ext2fsFail(std::string_view attempted, errcode_t code) {
  initialize_ext2_error_table();
  return Fail("{}: {}", attempted, error_message(code));
}

}  // namespace inro::image
