// The log collector's socket for readers in the guest, for tests.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "base/unique_fd.h"
#include "wire/address.h"

namespace inro::guest::systemctl {

// Gives each client that has asked one answer; hangs up when it is destroyed, or (`hangs_up`) at
// once.
class FakeCollector {
 public:
  FakeCollector(const std::string& path, std::string answer, bool hangs_up = false)
      : answer_(std::move(answer)), hangs_up_(hangs_up) {
    auto listener = wire::Listen({.kind = wire::Address::Kind::kUnix, .path = path});
    EXPECT_TRUE(listener) << path;
    if (!listener) return;
    listener_ = std::move(*listener);
    int ends[2] = {-1, -1};
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    stop_read_ = UniqueFd(ends[0]);
    stop_write_ = UniqueFd(ends[1]);
    thread_ = std::thread([this] { Serve(); });
  }
  FakeCollector(const FakeCollector&) = delete;
  FakeCollector& operator=(const FakeCollector&) = delete;
  ~FakeCollector() {
    stop_write_.reset();
    if (thread_.joinable()) thread_.join();
  }

 private:
  void Serve() {
    while (true) {
      pollfd waiting[] = {{listener_.get(), POLLIN, 0}, {stop_read_.get(), POLLIN, 0}};
      if (::poll(waiting, 2, -1) < 0) continue;
      if (waiting[1].revents != 0) return;
      UniqueFd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!client) continue;
      char asked[64];
      if (::recv(client.get(), asked, sizeof asked, 0) <= 0) continue;
      for (std::string_view rest = answer_; !rest.empty();) {
        const ssize_t sent = ::send(client.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
        if (sent <= 0) break;
        rest.remove_prefix(static_cast<std::size_t>(sent));
      }
      if (!hangs_up_) client_ = std::move(client);
    }
  }

  const std::string answer_;
  const bool hangs_up_;
  UniqueFd listener_, stop_read_, stop_write_, client_;
  std::thread thread_;
};

}  // namespace inro::guest::systemctl
