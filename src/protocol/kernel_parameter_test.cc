#include "protocol/kernel_parameter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace inro::protocol {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(KernelParameter, NamesAreUniqueAndDefaultsReadable) {
  std::set<std::string_view> names;
  const KernelCommandLine empty("");
  for (const KernelParameter& parameter : KernelParameters()) {
    EXPECT_TRUE(names.insert(parameter.name).second) << parameter.name;
    EXPECT_FALSE(parameter.meaning.empty()) << parameter.name;
    EXPECT_EQ(empty.Text(parameter.name), parameter.fallback);
    if (parameter.fallback.empty() || parameter.type == ParameterType::kFlag) continue;
    const std::string word = std::string(parameter.name) + "=" + std::string(parameter.fallback);
    const KernelCommandLine line(word);
    if (parameter.fallback != "0") {
      EXPECT_THAT(line.warnings(), IsEmpty()) << word;
    }
  }
}

TEST(KernelParameter, ReadsWhatKatasRuntimesSend) {
  const KernelCommandLine line(
      "reboot=k panic=1 systemd.unit=kata-containers.target agent.log=debug agent.trace "
      "agent.debug_console agent.debug_console_vport=1026 agent.log_vport=1025 "
      "agent.container_pipe_size=65536 agent.cdh_api_timeout=50 cgroup_no_v1=all "
      "systemd.unified_cgroup_hierarchy=1 agent.unknown=5 rootflags=data=ordered ro\n");
  EXPECT_THAT(line.warnings(), IsEmpty());
  EXPECT_EQ(line.Level("agent.log"), LogLevel::kDebug);
  EXPECT_TRUE(line.Bool("agent.trace"));
  EXPECT_TRUE(line.Bool("agent.debug_console"));
  EXPECT_EQ(line.Number("agent.debug_console_vport"), 1026u);
  EXPECT_EQ(line.Number("agent.log_vport"), 1025u);
  EXPECT_EQ(line.Number("agent.container_pipe_size"), 65536u);
  EXPECT_EQ(line.Text("cgroup_no_v1"), "all");
  EXPECT_TRUE(line.Bool("systemd.unified_cgroup_hierarchy"));
  EXPECT_EQ(line.Text("agent.server_addr"), "vsock://-1:1024");
}

TEST(KernelParameter, AMalformedValueWarnsAndKeepsTheDefault) {
  const KernelCommandLine line(
      "agent.log=loud agent.hotplug_timeout=10s agent.log_vport=-5 agent.debug_console=yes "
      "agent.debug_console_vport=99999999999 agent.guest_components_procs=some "
      "agent.trace=perhaps");
  EXPECT_EQ(line.warnings().size(), 7u);
  EXPECT_THAT(line.warnings()[0], HasSubstr("agent.log=loud"));
  EXPECT_EQ(line.Level("agent.log"), LogLevel::kInfo);
  EXPECT_EQ(line.Number("agent.hotplug_timeout"), 3u);
  EXPECT_EQ(line.Number("agent.log_vport"), 0u);
  EXPECT_FALSE(line.Bool("agent.debug_console"));
  EXPECT_FALSE(line.Bool("agent.trace"));
}

TEST(KernelParameter, TheLastReadableValueWins) {
  const KernelCommandLine line("agent.log_vport=1 agent.log_vport=2 agent.log_vport=x");
  EXPECT_EQ(line.Number("agent.log_vport"), 2u);
}

TEST(KernelParameter, OldTraceValuesMeanOn) {
  EXPECT_TRUE(KernelCommandLine("agent.trace=isolated").Bool("agent.trace"));
  EXPECT_FALSE(KernelCommandLine("agent.trace=0").Bool("agent.trace"));
  EXPECT_TRUE(KernelCommandLine("agent.trace=2").Bool("agent.trace"));
}

}  // namespace
}  // namespace inro::protocol
