// The folder of one running guest: sockets, console log, QEMU's log.
//
// It is $XDG_RUNTIME_DIR/inro/guests/NAME, or /tmp/inro-UID/guests/NAME without XDG_RUNTIME_DIR,
// mode 0700. While the guest's owner or supervisor lives, one of them holds a lock on the file
// `lock` in it; a folder whose lock can be taken is left over from a crash and is removed by the
// next Create, unless it was to be kept.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "vmm/guest/machine.h"

namespace inro::vmm {

// Where the folders of all guests of this user are. Does not create it.
std::string GuestsRoot();

// The paths of the running guest of that name; `root` empty: GuestsRoot(). kNotFound when there is
// none.
Result<RunPaths> FindRunFolder(const std::string& name, std::string root = "");

// The names of the guests that run below `root` (empty: GuestsRoot()), sorted.
std::vector<std::string> RunningGuests(std::string root = "");

class RunFolder {
 public:
  // A new folder below `root` (empty: GuestsRoot()); sweeps left-over ones first. An empty name
  // takes a free one. Errors: a name that is no plain file name or whose sockets' paths would be
  // too long (kBadInput), one that a running guest has, a root that others can write to.
  static Result<RunFolder> Create(std::string name, std::string root = "");
  RunFolder(RunFolder&& other) noexcept = default;
  RunFolder& operator=(RunFolder&&) = delete;
  ~RunFolder();

  const std::string& name() const { return name_; }
  const RunPaths& paths() const { return paths_; }
  // The lock's descriptor; whoever inherits it keeps the folder from being swept.
  int lock_fd() const { return lock_.get(); }
  // The folder stays when its owner goes.
  void Keep();
  // It is the business of another process from now on: the lock is let go, nothing is removed.
  void Release() { lock_.reset(); }

 private:
  RunFolder(std::string name, RunPaths paths, UniqueFd lock)
      : name_(std::move(name)), paths_(std::move(paths)), lock_(std::move(lock)) {}
  std::string name_;
  RunPaths paths_;
  UniqueFd lock_;
  bool keep_ = false;
};

// Removes the folders below `root` that no process holds any more. Returns how many.
int SweepGuests(const std::string& root);

}  // namespace inro::vmm
