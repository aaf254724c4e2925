// The Unix socket at which host processes ask for ports of the guest.
#pragma once

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace inro::vmm {

// A listening Unix stream socket, mode 0600, in a folder that only its owner may enter. Removes the
// socket's file when it goes away.
class HybridListener {
 public:
  // Makes the folder (0700) if it is absent. Errors: a folder that others may enter, a path that is
  // too long for a socket, somebody who listens there already. A socket file that nobody listens at
  // is replaced.
  static Result<HybridListener> Create(const std::string& path);
  HybridListener(HybridListener&& other) noexcept = default;
  HybridListener& operator=(HybridListener&&) = delete;
  ~HybridListener();

  int fd() const { return socket_.get(); }
  // The next waiting connection, non-blocking; none when there is none, or when descriptors have
  // run out: the connection is then refused (`refused` set), so that it does not wait for ever.
  UniqueFd Accept(bool& refused);

 private:
  HybridListener(UniqueFd socket, std::string path);
  UniqueFd socket_;
  UniqueFd
      reserve_;  // given up for a moment to refuse a connection when there is no descriptor left
  std::string path_;
};

// A socket at `path` as described above; for other sockets that live beside the hybrid one.
Result<UniqueFd> ListenPrivately(const std::string& path);

}  // namespace inro::vmm
