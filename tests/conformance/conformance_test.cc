// Runs all cases in booted guests, each with one part of them: kParts tests for each init.
//
// INRO_CASES=PATTERN[,PATTERN...] runs only the cases whose names contain one of them, all in the
// first part's guest, and prints what they print.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <thread>

#include "conformance_case.h"
#include "guest/conformance_guest.h"
#include "guest_run.h"
#include "script_client.h"
#include "sys/file.h"

namespace inro::conformance {
namespace {

constexpr std::chrono::seconds kCaseLimit{120};

// The guest's definition: Debian with a shell and the usual small programs.
constexpr std::string_view kDefinition = R"(
[source]
kind = "apt"
suite = "bookworm"
packages = ["dash", "coreutils", "grep", "sed", "util-linux", "mount", "kmod", "dbus"]

[services]
units = ["conformance-server.service"]

[[files]]
path = "/usr/lib/conformance/guest"
source = "@BINARY@"
mode = "0755"

[[files]]
path = "/etc"
source = "overlay/etc"

[[users]]
name = "crew"
uid = 4002

[[users]]
name = "alice"
uid = 4001
groups = ["crew"]
)";

constexpr std::string_view kServer = R"([Unit]
Description=Executes the scripts of the conformance test

[Service]
ExecStart=/usr/lib/conformance/guest serve

[Install]
WantedBy=multi-user.target
)";

Result<> WriteGuestFile(const std::string& root, const CaseFile& file) {
  const std::string path = root + file.path;
  INRO_TRY(sys::MakeDirectories(path.substr(0, path.rfind('/'))));
  INRO_TRY(sys::WriteFile(path, file.text));
  if (::chmod(path.c_str(), static_cast<mode_t>(std::strtoul(file.mode.c_str(), nullptr, 8))) !=
      0) {
    return FailErrno("chmod {}", path);
  }
  return {};
}

bool IsChosen(const std::string& name, std::string_view patterns) {
  while (!patterns.empty()) {
    const std::string_view pattern = patterns.substr(0, patterns.find(','));
    if (!pattern.empty() && name.find(pattern) != std::string::npos) return true;
    patterns.remove_prefix(std::min(pattern.size() + 1, patterns.size()));
  }
  return false;
}

// The definition's folder; its text changes with every case, so that the guest is built anew.
Result<boot_test::GuestSpec> MakeSpec(const std::vector<Case>& cases) {
  const std::string folder = INRO_BINARY_DIR "/boot-tests/conformance";
  std::error_code ignored;
  INRO_TRY(sys::RemoveAll(folder + "/overlay"));
  INRO_TRY(sys::MakeDirectories(folder + "/overlay"));
  INRO_TRY(sys::WriteFile(folder + "/conformance-server.service", kServer));
  std::string stamp;
  for (const Case& one : cases) {
    for (const CaseFile& file : one.files) {
      INRO_TRY(WriteGuestFile(folder + "/overlay", file));
      stamp += file.path + file.mode + file.text;
    }
  }
  std::string text(kDefinition);
  const std::string_view mark = "@BINARY@";
  text.replace(text.find(mark), mark.size(), INRO_BINARY_DIR "/conformance_guest");
  text = fmt::format("# {:016x}\n", std::hash<std::string>()(stamp)) + text;
  return boot_test::GuestSpec{
      "conformance", text, {boot_test::kInitrdSystemd, boot_test::kInitrdInro}};
}

struct Part {
  image::Variant variant;
  std::size_t number;
};
constexpr std::size_t kParts = 3;

class Conformance : public boot_test::BootTest, public ::testing::WithParamInterface<Part> {
 protected:
  Result<ScriptOutcome> Script(std::string_view script) {
    if (!stream_) {
      INRO_ASSIGN(stream_, run_->guest().Connect(kScriptPort, std::chrono::seconds(60)));
    }
    auto outcome =
        RunScript(stream_.get(), std::string(kPrelude) + std::string(script), kCaseLimit);
    if (!outcome) stream_.reset();
    return outcome;
  }

  Result<> WaitForServer() {
    for (int attempt = 0; attempt < 300; ++attempt) {
      if (Script("true")) return {};
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    return Fail("the guest's script server does not answer");
  }

  // True when the case printed what it should, at the second time at the latest: many cases wait
  // for what is due in tenths of a second, and a machine without KVM may stand still for longer.
  // What the first time printed is shown.
  bool RunCase(const Case& one, bool inro, bool loud) {
    if (RunOnce(one, inro, loud)) return true;
    std::printf("once more: %s\n", one.name.c_str());
    return RunOnce(one, inro, loud);
  }

  bool RunOnce(const Case& one, bool inro, bool loud) {
    const auto outcome = Script(
        fmt::format("D=/run/conformance/{0}; rm -rf $D; mkdir -p $D; chmod 777 $D; cd $D\n{1}",
                    one.name, one.script));
    const bool differs = inro && one.difference;
    const std::string& expect = differs ? one.expect_inro : one.expect;
    std::string got = outcome ? outcome->output : outcome.error().ToString() + "\n";
    if (outcome && outcome->code == 124) got += "(killed after its time limit)\n";
    const bool same = got == expect;
    if (!same || loud) {
      std::printf("%s %s: %s\n--- got\n%s--- expected\n%s", same ? "same   " : "DIFFERS",
                  one.name.c_str(), one.title.c_str(), got.c_str(), expect.c_str());
      std::fflush(stdout);
    }
    if (!one.units.empty()) {
      std::string clean = "systemctl stop";
      for (const std::string& unit : one.units) clean += " " + unit;
      static_cast<void>(Script(clean + " >/dev/null 2>&1; systemctl reset-failed >/dev/null 2>&1"));
    }
    return same;
  }

  UniqueFd stream_;
};

TEST_P(Conformance, AllCases) {
  const char* only = std::getenv("INRO_CASES");
  if (only != nullptr && GetParam().number != 0) GTEST_SKIP() << "INRO_CASES: all in part 1";
  const auto cases = ReadCases(INRO_SOURCE_DIR "/tests/conformance/cases");
  ASSERT_TRUE(cases) << cases.error().ToString();
  const auto spec = MakeSpec(*cases);
  ASSERT_TRUE(spec) << spec.error().ToString();
  units_may_fail_ = true;
  life_limit_ = std::chrono::minutes(14);
  const image::Variant& variant = GetParam().variant;
  INRO_BOOT(*spec, variant);
  const auto server = WaitForServer();
  ASSERT_TRUE(server) << server.error().ToString();
  const bool inro = variant.init == "inro";
  int ran = 0;
  std::vector<std::string> failed;
  for (std::size_t i = 0; i < cases->size(); ++i) {
    const Case& one = (*cases)[i];
    const bool mine = only == nullptr ? i % kParts == GetParam().number : IsChosen(one.name, only);
    if (!mine) continue;
    ++ran;
    if (!RunCase(one, inro, only != nullptr)) failed.push_back(one.name);
  }
  std::printf("%d cases under init = %s, %zu differ\n", ran, variant.init.c_str(), failed.size());
  EXPECT_GT(ran, 0);
  EXPECT_TRUE(failed.empty()) << fmt::format("{}", fmt::join(failed, " "));
}

std::vector<Part> AllParts() {
  std::vector<Part> parts;
  for (const image::Variant& variant : {boot_test::kInitrdSystemd, boot_test::kInitrdInro}) {
    for (std::size_t number = 0; number < kParts; ++number) parts.push_back({variant, number});
  }
  return parts;
}

INSTANTIATE_TEST_SUITE_P(Init, Conformance, ::testing::ValuesIn(AllParts()), [](const auto& param) {
  return fmt::format("{}_{}", param.param.variant.init, param.param.number + 1);
});

}  // namespace
}  // namespace inro::conformance
