#include "guest/init/socket_listener.h"

#include <gtest/gtest.h>

#include "sys/fake/memory_file_source.h"
#include "sys/file.h"
#include "sys/remove_tree.h"

namespace inro::guest {
namespace {

struct SocketListenerTest : testing::Test {
  sys::MemoryFileSource files;
  Accounts accounts{files};
  KernelLog log;
  unit::SocketSettings settings;
  Result<std::vector<ListeningPort>> Open(unit::ListenKind kind, const std::string& address) {
    settings.listen = {{kind, address}};
    return OpenPorts(settings, accounts, log);
  }
};

TEST_F(SocketListenerTest, AnOwnerThatDoesNotExistIsAFaultOfTheUnit) {
  const auto folder = sys::TempDir::Create("inro-listener");
  ASSERT_TRUE(folder);
  for (std::string* owner : {&settings.user, &settings.group}) {
    *owner = "no-such-name";
    const auto ports = Open(unit::ListenKind::kStream, folder->path() + "/socket");
    ASSERT_FALSE(ports);
    EXPECT_EQ(ports.error().kind(), ErrorKind::kBadInput);
    EXPECT_FALSE(sys::Exists(folder->path() + "/socket"));
    owner->clear();
  }
  EXPECT_TRUE(Open(unit::ListenKind::kStream, folder->path() + "/socket"));
}

TEST_F(SocketListenerTest, ASpecialFileIsOneThatCanBeWaitedFor) {
  const auto folder = sys::TempDir::Create("inro-listener");
  ASSERT_TRUE(folder);
  const std::string plain = folder->path() + "/plain";
  ASSERT_TRUE(sys::WriteFile(plain, "text"));
  for (const bool writable : {false, true}) {
    settings.writable = writable;
    const auto ports = Open(unit::ListenKind::kSpecial, plain);
    ASSERT_FALSE(ports);
    EXPECT_EQ(ports.error().kind(), ErrorKind::kFailed);
  }
  settings.writable = false;
  EXPECT_FALSE(Open(unit::ListenKind::kSpecial, folder->path()));
  EXPECT_TRUE(Open(unit::ListenKind::kSpecial, "/proc/self/mounts"));
}

}  // namespace
}  // namespace inro::guest
