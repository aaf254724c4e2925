#include "guest/agent/firewall.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "sys/file.h"

namespace inro::guest::agent {
namespace {

struct FirewallTest : testing::Test {
  std::string folder = testing::TempDir() + "inro-firewall-" + std::to_string(::getpid());
  FirewallPrograms programs{{"/nonexistent", folder}};

  void SetUp() override { ASSERT_TRUE(sys::MakeDirectories(folder)); }
  void TearDown() override { ASSERT_TRUE(sys::RemoveAll(folder)); }
  void Add(const std::string& name, const std::string& script) {
    const std::string path = folder + "/" + name;
    ASSERT_TRUE(sys::WriteFile(path, "#!/bin/sh\n" + script));
    ASSERT_EQ(::chmod(path.c_str(), 0755), 0);
  }
};

TEST_F(FirewallTest, SavesAndRestoresByFamily) {
  Add("iptables-save", "echo '*filter'; echo four");
  Add("ip6tables-save", "echo six");
  Add("iptables-restore", "echo \"$*\"; cat > " + folder + "/rules");
  const auto four = GetIPTables({.is_ipv6 = false}, programs);
  ASSERT_TRUE(four) << four.error().ToString();
  EXPECT_EQ(four->data, "*filter\nfour\n");
  EXPECT_EQ(GetIPTables({.is_ipv6 = true}, programs)->data, "six\n");
  const auto set = SetIPTables({.is_ipv6 = false, .data = "*filter\nCOMMIT\n"}, programs);
  ASSERT_TRUE(set) << set.error().ToString();
  EXPECT_EQ(set->data, "--wait 5\n");
  EXPECT_EQ(sys::ReadFile(folder + "/rules").value_or(""), "*filter\nCOMMIT\n");
}

TEST_F(FirewallTest, SaysWhatIsWrong) {
  const auto absent = GetIPTables({}, programs);
  ASSERT_FALSE(absent);
  EXPECT_NE(absent.error().ToString().find("package iptables"), std::string::npos);
  Add("iptables-restore", "echo 'line 2 failed' >&2; exit 1");
  const auto bad = SetIPTables({.is_ipv6 = false, .data = "nonsense"}, programs);
  ASSERT_FALSE(bad);
  EXPECT_NE(bad.error().ToString().find("line 2 failed"), std::string::npos);
  EXPECT_FALSE(SetIPTables({.is_ipv6 = false, .data = std::string(5 << 20, 'x')}, programs));
}

}  // namespace
}  // namespace inro::guest::agent
