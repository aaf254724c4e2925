#include "vsock/guest_files.h"

#include "base/progress.h"
#include "image/build/package_origin.h"
#include "image/kernel/kernel.h"
#include "image/kernel/module_sets.h"
#include "image/write/cpio.h"
#include "sys/file.h"

namespace inro::vsock_guest {

Result<GuestFiles> MakeGuestFiles(const std::string& folder) {
  INRO_ASSIGN(const image::Definition definition,
              image::LoadDefinition(INRO_SOURCE_DIR "/images/debian"));
  const image::BuildOptions options;
  image::PackageOrigin packages(definition, options);
  SilentProgress silent;
  INRO_ASSIGN(const image::SourceTree package, packages.KernelPackage(silent));
  INRO_ASSIGN(const image::Kernel kernel,
              image::SelectKernel(package.tree, image::ModulesOf({"vsock"})));

  image::Tree tree;
  INRO_ASSIGN(std::string program, sys::ReadFile(INRO_BINARY_DIR "/guest_vsock"));
  INRO_TRY(tree.Put("init", image::MakeFile(std::move(program), 0755)));
  for (const image::GuestModule& module : kernel.load_order) {
    INRO_ASSIGN(const std::string_view bytes, kernel.modules.ReadFile(module.path));
    INRO_TRY(tree.Put(module.name + ".ko", image::MakeFile(std::string(bytes))));
  }
  INRO_ASSIGN(const std::string initrd, image::WriteCpio(tree, 0));

  GuestFiles files{folder + "/kernel", folder + "/initrd"};
  INRO_TRY(sys::WriteFile(files.kernel, kernel.file.bytes));
  INRO_TRY(sys::WriteFile(files.initrd, initrd));
  return files;
}

}  // namespace inro::vsock_guest
