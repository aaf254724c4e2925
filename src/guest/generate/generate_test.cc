#include <gtest/gtest.h>
#include <unistd.h>

#include <array>

#include "guest/generate/folder_output.h"
#include "guest/generate/generate_role.h"
#include "guest/generate/topics.h"
#include "sys/fake/memory_file_source.h"
#include "sys/file.h"

namespace inro::guest::generate {
namespace {

using protocol::ConsolePolicy;
using protocol::ControlPolicy;

class GenerateTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto folder = sys::TempDir::Create("inro-generate");
    ASSERT_TRUE(folder.has_value());
    folder_.emplace(std::move(*folder));
  }

  // The generated folder after WriteConsoleUnits with this command line.
  Result<> Console(std::string_view line, ControlPolicy policy = {}) {
    const protocol::KernelCommandLine parameters(line);
    const sys::MemoryFileSource files;
    FolderOutput output(Units(), folder_->path() + "/run");
    return WriteConsoleUnits({line, parameters, policy, files}, output);
  }
  std::string Units() const { return folder_->path() + "/units"; }
  bool Has(const std::string& name) const { return sys::Exists(Units() + "/" + name); }

  std::optional<sys::TempDir> folder_;
};

TEST_F(GenerateTest, NoConsoleUnlessAskedFor) {
  ASSERT_TRUE(Console("quiet agent.log=debug"));
  EXPECT_FALSE(sys::Exists(Units()));
  ASSERT_TRUE(Console("agent.debug_console=1"));  // counts as a bare word only
  EXPECT_FALSE(sys::Exists(Units()));
}

TEST_F(GenerateTest, APortMakesASocket) {
  ASSERT_TRUE(Console("agent.debug_console agent.debug_console_vport=1026"));
  const auto unit = sys::ReadFile(Units() + "/inro-console.socket");
  ASSERT_TRUE(unit.has_value());
  EXPECT_NE(unit->find("ListenStream=vsock::1026\n"), std::string::npos);
  EXPECT_NE(unit->find("MaxConnections=1024\n"), std::string::npos);
  EXPECT_TRUE(Has("inro-console@.service"));
  std::array<char, 64> target{};
  ASSERT_GT(::readlink((Units() + "/kata-containers.target.wants/inro-console.socket").c_str(),
                       target.data(), target.size() - 1),
            0);
  EXPECT_STREQ(target.data(), "../inro-console.socket");
  EXPECT_FALSE(Has("inro-console-serial.service"));
  // Again: the same, and no error.
  EXPECT_TRUE(Console("agent.debug_console agent.debug_console_vport=1026"));
}

TEST_F(GenerateTest, WithoutAPortTheSerialConsole) {
  ASSERT_TRUE(Console("agent.debug_console"));
  EXPECT_TRUE(Has("kata-containers.target.wants/inro-console-serial.service") ||
              Has("inro-console-serial.service"));
  EXPECT_FALSE(Has("inro-console.socket"));
}

TEST_F(GenerateTest, ThePolicyIsAboveTheCommandLine) {
  const std::string asked = "agent.debug_console agent.debug_console_vport=1026";
  ASSERT_TRUE(Console(asked, {ConsolePolicy::kNever, true}));
  EXPECT_FALSE(sys::Exists(Units()));
  const std::string verified = asked + " dm-mod.create=\"dm-verity,,,ro,0 8 verity 1 a b\"";
  ASSERT_TRUE(Console(verified));
  EXPECT_FALSE(sys::Exists(Units()));
  ASSERT_TRUE(Console(verified, {ConsolePolicy::kAlways, false}));
  EXPECT_TRUE(Has("inro-console.socket"));
}

TEST_F(GenerateTest, NamesStayBelowTheFolder) {
  FolderOutput output(Units(), folder_->path() + "/run");
  EXPECT_FALSE(output.WriteUnit("../x.service", ""));
  EXPECT_FALSE(output.WriteUnit("/etc/x.service", ""));
  EXPECT_FALSE(output.Want("a.target", "../../x.service"));
  EXPECT_FALSE(output.WriteRunFile("", ""));
  EXPECT_TRUE(output.WriteUnit("a.service.d/10.conf", "[Service]\n"));
  EXPECT_TRUE(output.WriteRunFile("chrony/refclock.conf", "x"));
  EXPECT_EQ(*sys::ReadFile(folder_->path() + "/run/chrony/refclock.conf"), "x");
  EXPECT_TRUE(output.Require("a.target", "b.service"));
  EXPECT_TRUE(sys::Exists(Units() + "/a.service.d/10.conf"));
}

TEST(CommandLine, Words) {
  EXPECT_TRUE(HasWord("quiet inro.probe", "inro.probe"));
  EXPECT_FALSE(HasWord("quiet inro.probes", "inro.probe"));
  EXPECT_FALSE(HasWord("", "inro.probe"));
  EXPECT_EQ(WordValue("a=1 b=2 a=3", "a"), "3");
  EXPECT_EQ(WordValue("aa=1", "a"), "");
}

TEST_F(GenerateTest, ExtensionsAreMountedBeforeTheAgent) {
  const protocol::KernelCommandLine parameters("");
  const sys::MemoryFileSource files;
  FolderOutput output(Units(), folder_->path() + "/run");
  ASSERT_TRUE(WriteExtensionUnits({"quiet", parameters, {}, files}, output));
  EXPECT_FALSE(sys::Exists(Units()));
  ASSERT_TRUE(WriteExtensionUnits(
      {"kata.extension.coco.verity_params=root_hash=1 kata.extension.raw.verity_params",
       parameters,
       {},
       files},
      output));
  std::array<char, 64> target{};
  const std::string link = "/kata-containers.target.wants/kata-extension-mount@coco.service";
  ASSERT_GT(::readlink((Units() + link).c_str(), target.data(), target.size() - 1), 0);
  const auto drop_in = sys::ReadFile(Units() + "/kata-agent.service.d/50-extensions.conf");
  ASSERT_TRUE(drop_in.has_value());
  const std::string both = "kata-extension-mount@coco.service kata-extension-mount@raw.service\n";
  EXPECT_EQ(*drop_in, "[Unit]\nRequires=" + both + "After=" + both);
}

TEST_F(GenerateTest, ABadNameOfAnExtensionIsSaidAndSkipped) {
  const protocol::KernelCommandLine parameters("");
  const sys::MemoryFileSource files;
  FolderOutput output(Units(), folder_->path() + "/run");
  const auto written = WriteExtensionUnits(
      {"kata.extension.../x.verity_params kata.extension.ok.verity_params", parameters, {}, files},
      output);
  ASSERT_FALSE(written);
  EXPECT_NE(written.error().ToString().find("does not name an extension"), std::string::npos);
  EXPECT_TRUE(Has("kata-agent.service.d/50-extensions.conf"));
}

}  // namespace
}  // namespace inro::guest::generate
