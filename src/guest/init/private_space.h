// What a service has for itself while it runs and may share by JoinsNamespaceOf=: its /tmp and
// /var/tmp, its network, its IPC.
#pragma once

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace inro::guest {

class PrivateSpace {
 public:
  // `root` is in front of /tmp and /var/tmp: "" but in tests.
  PrivateSpace(std::string root, std::string boot_id, std::string unit)
      : root_(std::move(root)), boot_id_(std::move(boot_id)), unit_(std::move(unit)) {}
  PrivateSpace(const PrivateSpace&) = delete;
  PrivateSpace& operator=(const PrivateSpace&) = delete;
  ~PrivateSpace();  // the folders go, in the background

  // Each makes what is not there yet.
  Result<> NeedTmp();
  Result<> NeedNetwork();
  Result<> NeedIpc();

  std::string tmp() const { return tmp_.empty() ? "" : tmp_ + "/tmp"; }
  std::string var_tmp() const { return var_tmp_.empty() ? "" : var_tmp_ + "/tmp"; }
  int network() const { return network_.get(); }
  int ipc() const { return ipc_.get(); }

 private:
  Result<std::string> MakeFolder(const std::string& parent) const;

  std::string root_, boot_id_, unit_;
  std::string tmp_, var_tmp_;
  UniqueFd network_, ipc_;
};

}  // namespace inro::guest
