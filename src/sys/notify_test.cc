#include "sys/notify.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>

#include "base/unique_fd.h"

namespace inro::sys {
namespace {

TEST(Notify, SendsOneDatagramToAnAbstractSocket) {
  const std::string name = "@inro-notify-test-" + std::to_string(::getpid());
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path + 1, name.data() + 1, name.size() - 1);
  const UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  ASSERT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address),
                   static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size())),
            0);
  ::setenv("NOTIFY_SOCKET", name.c_str(), 1);
  ASSERT_TRUE(Notify("READY=1\nSTATUS=up"));
  char bytes[64];
  const ssize_t got = ::recv(fd.get(), bytes, sizeof bytes, 0);
  ASSERT_GT(got, 0);
  EXPECT_EQ(std::string(bytes, static_cast<std::size_t>(got)), "READY=1\nSTATUS=up");
  ::unsetenv("NOTIFY_SOCKET");
}

TEST(Notify, IsSilentWithoutASocketAndSaysWhenItIsGone) {
  ::unsetenv("NOTIFY_SOCKET");
  EXPECT_TRUE(Notify("READY=1"));
  ::setenv("NOTIFY_SOCKET", "/nonexistent/socket", 1);
  EXPECT_FALSE(Notify("READY=1"));
  ::unsetenv("NOTIFY_SOCKET");
}

}  // namespace
}  // namespace inro::sys
