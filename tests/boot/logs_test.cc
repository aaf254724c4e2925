// The log of whole guests: complete from the kernel's first line to the last one before power-off,
// the same for every reader, and never in anybody's way.
#include <gmock/gmock.h>

#include <algorithm>
#include <thread>

#include "guest_run.h"
#include "log_reader.h"
#include "protocol/log_message.h"

namespace inro::boot_test {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;
using Clock = std::chrono::steady_clock;
using vmm::LogEntry;

constexpr std::uint32_t kLogPort = 1025;
const std::vector<std::string> kWords = {"agent.log_vport=1025"};

// Services that log in each of the ways, early, at the guest's end, and without limit.
GuestSpec Talking(const std::string& name, std::vector<image::Variant> variants) {
  const auto unit = [](const std::string& file, const std::string& text) {
    return "[[files]]\npath = \"/usr/lib/systemd/system/" + file + "\"\ncontent = '''\n" + text +
           "'''\n";
  };
  GuestSpec spec = DebianWith(
      name, "",
      unit("talk.service",
           "[Unit]\n"
           "Description=Says something and stays\n"
           "[Service]\n"
           "ExecStart=/bin/sh -c 'echo early line; trap \"echo last line; exit 0\" TERM; "
           "while :; do kill -STOP $$$$; done'\n"
           "[Install]\n"
           "WantedBy=kata-containers.target\n") +
          unit("flood.service",
               "[Unit]\n"
               "Description=Floods the log\n"
               "ConditionKernelCommandLine=test.flood\n"
               "[Service]\n"
               "ExecStart=/bin/sh -c 'i=0; while [ $i -lt 15000 ]; do echo flood $i; i=$((i+1)); "
               "done; echo flood over'\n"
               "[Install]\n"
               "WantedBy=kata-containers.target\n") +
          unit("crash.service",
               "[Unit]\n"
               "Description=Lets the kernel panic\n"
               "ConditionKernelCommandLine=test.panic\n"
               "[Service]\n"
               // Counts for some seconds, as this guest has no sleep: the reader shall be there.
               "ExecStart=/bin/sh -c 'i=0; while [ $$i -lt 200000 ]; do i=$$((i+1)); done; "
               "echo before the panic; i=0; while [ $$i -lt 50000 ]; do i=$$((i+1)); done; "
               "echo c >/proc/sysrq-trigger'\n"
               "[Install]\n"
               "WantedBy=kata-containers.target\n"),
      std::move(variants));
  const std::string list = "enable = [\"chrony.service\"";
  const auto at = spec.text.find(list);
  EXPECT_NE(at, std::string::npos) << spec.text;
  spec.text.insert(at + list.size(), ", \"talk.service\", \"flood.service\", \"crash.service\"");
  return spec;
}

class Logs : public BootTest, public ::testing::WithParamInterface<image::Variant> {
 protected:
  Result<LogReader> Read() {
    INRO_ASSIGN(UniqueFd socket, run_->ConnectWhenUp(kLogPort));
    return LogReader(std::move(socket));
  }
};

TEST_P(Logs, CompleteFromTheFirstToTheLastLineForEveryReader) {
  INRO_BOOT(Talking("logs", {GetParam()}), GetParam(), kWords);
  auto first = Read();
  ASSERT_TRUE(first) << first.error().ToString();
  ASSERT_TRUE(first->ReadUntilMessage("early line"));
  auto second = Read();
  ASSERT_TRUE(second) << second.error().ToString();
  // One that never reads must not hold up the guest's end either.
  const auto silent = Read();
  ASSERT_TRUE(silent);

  const LogEntry* early = first->Find("early line");
  ASSERT_NE(early, nullptr);
  EXPECT_EQ(early->unit, "talk.service") << early->line;
  EXPECT_EQ(early->priority, 6) << early->line;
  EXPECT_NE(early->pid, 0u) << early->line;
  ASSERT_TRUE(second->ReadUntilMessage("early line"));
  ExpectHealthy();

  // By the control port too.
  const auto control = run_->DialControl();
  ASSERT_TRUE(control);
  const auto payload = (*control)->CallOk(
      protocol::kLogService, "Read",
      protocol::Encode(protocol::LogReadRequest{.after_seq = early->seq - 1, .max_lines = 1}),
      kCallLimit);
  ASSERT_TRUE(payload) << payload.error().ToString();
  protocol::LogReadResponse response;
  ASSERT_TRUE(protocol::Decode(*payload, response));
  ASSERT_EQ(response.lines.size(), 1u);
  EXPECT_EQ(response.lines[0], early->line);
  EXPECT_EQ(response.host_port, kLogPort);

  std::thread other([&] { second->ReadToTheEnd(milliseconds(60'000)); });
  std::thread one([&] { first->ReadToTheEnd(milliseconds(60'000)); });
  ExpectPowerOff();
  one.join();
  other.join();
  EXPECT_TRUE(first->ended);
  EXPECT_TRUE(second->ended);
  EXPECT_NE(first->Find("last line"), nullptr) << first->entries.back().line;
  ASSERT_FALSE(first->entries.empty());
  // Kernel, service, agent; the first line of all; no number missing; the same for both.
  EXPECT_THAT(first->entries.front().message, HasSubstr("Linux version"));
  for (const char* source : {"kernel", "agent"}) {
    EXPECT_NE(std::ranges::count(first->entries, source, &LogEntry::source), 0) << source;
  }
  for (std::size_t i = 1; i < first->entries.size(); ++i) {
    EXPECT_EQ(first->entries[i].seq, first->entries[i - 1].seq + 1) << first->entries[i].line;
  }
  ASSERT_EQ(first->entries.size(), second->entries.size());
  for (std::size_t i = 0; i < first->entries.size(); ++i) {
    ASSERT_EQ(first->entries[i].line, second->entries[i].line);
  }
}

TEST_P(Logs, AFloodIsLimitedSaidAndHoldsUpNobody) {
  std::vector<std::string> words = kWords;
  words.insert(words.end(), {"test.flood", "inro.log_rate=2000"});
  INRO_BOOT(Talking("logs", {GetParam()}), GetParam(), words);
  const auto slow = Read();  // never reads
  ASSERT_TRUE(slow);
  ExpectHealthy();
  auto reader = Read();
  ASSERT_TRUE(reader);
  EXPECT_TRUE(reader->ReadUntil(
      [](const LogEntry& entry) {
        return entry.source == "logs" && entry.lost > 0 &&
               entry.message.find("records of flood.service dropped") != std::string::npos;
      },
      milliseconds(90'000)));
  ExpectPowerOff();
}

INSTANTIATE_TEST_SUITE_P(Logs, Logs, ::testing::Values(kInitrdInro, kImageSystemd),
                         [](const auto& variant) { return VariantName(variant.param); });

// The console has the panic; the log what came before.
TEST_F(BootTest, LogsBeforeAPanicAreOutAndTheConsoleShowsIt) {
  std::vector<std::string> words = kWords;
  words.insert(words.end(), {"test.panic", "panic=0"});
  INRO_BOOT(Talking("logs", {kInitrdInro}), kInitrdInro, words);
  auto socket = run_->ConnectWhenUp(kLogPort);
  ASSERT_TRUE(socket) << socket.error().ToString();
  LogReader reader(std::move(*socket));
  EXPECT_TRUE(reader.ReadUntilMessage("before the panic"));
  std::string console;
  const auto deadline = Clock::now() + milliseconds(60'000);
  while (Clock::now() < deadline && console.find("Kernel panic") == std::string::npos) {
    std::this_thread::sleep_for(milliseconds(200));
    console = run_->Console();
  }
  EXPECT_THAT(console, HasSubstr("sysrq triggered crash"));
  EXPECT_THAT(console, HasSubstr("Kernel panic"));
  run_->guest().Kill();
  run_.reset();  // its console is not that of a healthy guest
}

}  // namespace
}  // namespace inro::boot_test
