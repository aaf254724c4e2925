#include <gtest/gtest.h>

#include <optional>

#include "guest/generate/folder_output.h"
#include "guest/generate/topics.h"
#include "sys/fake/memory_file_source.h"
#include "sys/file.h"

namespace inro::guest::generate {
namespace {

class LogUnitsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto folder = sys::TempDir::Create("inro-generate");
    ASSERT_TRUE(folder.has_value());
    folder_.emplace(std::move(*folder));
  }
  Result<> Write(std::string_view line) {
    const protocol::KernelCommandLine parameters(line);
    FolderOutput output(Path("/units"), Path("/run"));
    const protocol::ControlPolicy policy;
    return WriteLogUnits({line, parameters, policy, files_}, output);
  }
  std::string Path(const char* name) const { return folder_->path() + name; }

  std::optional<sys::TempDir> folder_;
  sys::MemoryFileSource files_;
};

TEST_F(LogUnitsTest, NothingWithoutThePort) {
  ASSERT_TRUE(Write("quiet"));
  EXPECT_FALSE(sys::Exists(Path("/units")));
  EXPECT_FALSE(sys::Exists(Path("/run")));
}

TEST_F(LogUnitsTest, ThePortIsASocketOfTheCollector) {
  ASSERT_TRUE(Write("agent.log_vport=1025"));
  const auto unit = sys::ReadFile(Path("/units/inro-logs-host.socket"));
  ASSERT_TRUE(unit.has_value());
  EXPECT_NE(unit->find("ListenStream=vsock::1025\n"), std::string::npos);
  EXPECT_NE(unit->find("Service=inro-logs.service\n"), std::string::npos);
  const auto drop_in = sys::ReadFile(Path("/units/inro-logs.service.d/50-host.conf"));
  ASSERT_TRUE(drop_in.has_value());
  EXPECT_NE(drop_in->find("Sockets=inro-logs-host.socket\n"), std::string::npos);
}

TEST_F(LogUnitsTest, KatasOwnAgentServesItsPortItself) {
  files_.AddFile("/usr/bin/kata-agent", "");
  ASSERT_TRUE(Write("agent.log_vport=1025"));
  EXPECT_FALSE(sys::Exists(Path("/units/inro-logs-host.socket")));
}

TEST_F(LogUnitsTest, JournaldForwards) {
  files_.AddFile("/usr/lib/systemd/systemd-journald", "");
  ASSERT_TRUE(Write(""));
  const auto text = sys::ReadFile(Path("/run/systemd/journald.conf.d/50-inro-logs.conf"));
  ASSERT_TRUE(text.has_value());
  EXPECT_NE(text->find("ForwardToSyslog=yes\n"), std::string::npos);
  EXPECT_TRUE(sys::Exists(Path("/units") + R"(/usr-bin-inro\x2dguest.mount.d/50-logs.conf)"));
}

}  // namespace
}  // namespace inro::guest::generate
