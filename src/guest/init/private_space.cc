#include "guest/init/private_space.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "guest/init/background_removal.h"
#include "guest/sandbox/namespaces.h"

namespace inro::guest {

PrivateSpace::~PrivateSpace() {
  for (const std::string& path : {tmp_, var_tmp_}) {
    if (!path.empty()) RemoveSoon(path);
  }
}

Result<std::string> PrivateSpace::MakeFolder(const std::string& parent) const {
  std::string path =
      fmt::format("{}/systemd-private-{}-{}-XXXXXX", root_ + parent, boot_id_, unit_);
  if (::mkdtemp(path.data()) == nullptr) return FailErrno("make a folder in {}", parent);
  const std::string inner = path + "/tmp";
  if (::mkdir(inner.c_str(), 0777) != 0 || ::chmod(inner.c_str(), 01777) != 0) {
    return FailErrno("make {}", inner);
  }
  return path;
}

Result<> PrivateSpace::NeedTmp() {
  if (!tmp_.empty()) return {};
  INRO_ASSIGN(tmp_, MakeFolder("/tmp"));
  auto var_tmp = MakeFolder("/var/tmp");
  // On a read-only root it lies where there is room: it is gone with the service either way.
  if (!var_tmp && var_tmp.error().sys_errno() == EROFS) var_tmp = MakeFolder("/tmp");
  // A system without that folder needs none for the service.
  if (!var_tmp && var_tmp.error().sys_errno() != ENOENT) return std::unexpected(var_tmp.error());
  if (var_tmp) var_tmp_ = std::move(*var_tmp);
  return {};
}

Result<> PrivateSpace::NeedNetwork() {
  if (network_) return {};
  INRO_ASSIGN(network_, sandbox::MakeNamespace(sandbox::SharedNamespace::kNetwork));
  return {};
}

Result<> PrivateSpace::NeedIpc() {
  if (ipc_) return {};
  INRO_ASSIGN(ipc_, sandbox::MakeNamespace(sandbox::SharedNamespace::kIpc));
  return {};
}

}  // namespace inro::guest
