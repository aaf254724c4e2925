// What a forked child of the launcher does before it becomes its program.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "guest/init/service_directories.h"
#include "guest/sandbox/sandbox.h"

namespace inro::guest {

// Hands directories over to the service's user, then enters its sandbox.
class ServiceSetup final : public sys::ChildSetup {
 public:
  ServiceSetup(std::vector<std::string> hand_over, const DirectoryOwner& owner)
      : hand_over_(std::move(hand_over)), owner_(owner) {}
  void AddSandbox(sandbox::SandboxRequest request) { sandbox_.emplace(std::move(request)); }

  std::optional<sys::ChildFailure> Enter() override {
    for (const std::string& path : hand_over_) HandOver(path, owner_);
    return sandbox_ ? sandbox_->Enter() : std::nullopt;
  }
  std::optional<sys::ChildFailure> Restrict() override {
    return sandbox_ ? sandbox_->Restrict() : std::nullopt;
  }

 private:
  std::vector<std::string> hand_over_;
  DirectoryOwner owner_;
  std::optional<sandbox::Sandbox> sandbox_;
};

}  // namespace inro::guest
