// Guest extension images: seen by the agent from its start, and no guest goes on with one that is
// broken. docs/extensions.md.
#include <gmock/gmock.h>

#include "compare/artifact_machine.h"
#include "guest_run.h"
#include "image/extension/extension_image.h"
#include "sys/file.h"
#include "vmm/control/copy.h"

namespace inro::boot_test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::size_t kMiB = 1 << 20;
constexpr std::string_view kUnit = "kata-extension-mount@tools.service";

std::string Noise(std::size_t size) {
  std::string bytes(size, '\0');
  std::uint32_t state = 1;
  for (char& c : bytes) {
    state = state * 1664525 + 1013904223;
    c = static_cast<char>(state >> 24);
  }
  return bytes;
}

class Extensions : public BootTest, public ::testing::WithParamInterface<image::Variant> {
 protected:
  void SetUp() override {
    image::Tree tree;
    ASSERT_TRUE(tree.Put("hello", image::MakeFile("from the extension\n")));
    ASSERT_TRUE(tree.Put("bin/noise", image::MakeFile(Noise(300'000), 0755)));
    auto image = image::MakeExtensionImage("tools", tree);
    ASSERT_TRUE(image) << image.error().ToString();
    image_ = std::move(*image);
    auto folder = sys::TempDir::Create("inro-extensions");
    ASSERT_TRUE(folder);
    folder_.emplace(std::move(*folder));
  }

  // Starts the guest with image_ as its extension; `attached` false: with the parameter alone.
  void StartWith(bool attached = true) {
    const auto build = BuildOnce(DebianSpec());
    if (!build && NoMirror(build.error())) GTEST_SKIP() << build.error().ToString();
    ASSERT_TRUE(build) << build.error().ToString();
    auto machine = build->Machine(GetParam());
    ASSERT_TRUE(machine) << machine.error().ToString();
    const std::string path = folder_->path() + "/tools.img";
    ASSERT_TRUE(sys::WriteFile(path, image_.bytes));
    const auto added = compare::AttachExtension(path, image_.parameter, *machine);
    ASSERT_TRUE(added) << added.error().ToString();
    if (!attached) machine->disks.pop_back();
    std::string name = ::testing::UnitTest::GetInstance()->current_test_info()->name();
    std::ranges::replace(name, '/', '_');
    auto run = GuestRun::Start(*machine, "Extensions." + name);
    ASSERT_TRUE(run) << run.error().ToString();
    run_ = std::move(*run);
  }

  // The guest powers itself off, and says why; its agent was never started.
  void ExpectRefused(const std::string& reason, bool attached = true) {
    units_may_fail_ = true;
    ASSERT_NO_FATAL_FAILURE(StartWith(attached));
    if (IsSkipped()) return;
    const auto exit = run_->WaitExit(kReadyLimit);
    ASSERT_TRUE(exit) << exit.error().ToString();
    EXPECT_EQ(exit->reason, vmm::GuestExit::Reason::kGuest) << exit->ToString();
    EXPECT_THAT(run_->Console(), HasSubstr("extension tools: "));
    EXPECT_THAT(run_->Console(), HasSubstr(reason));
    EXPECT_THAT(run_->Console(), Not(HasSubstr("is mounted at")));
  }

  image::ExtensionImage image_;
  std::optional<sys::TempDir> folder_;
};

TEST_P(Extensions, AGoodOneIsThereBeforeTheAgent) {
  ASSERT_NO_FATAL_FAILURE(StartWith());
  if (IsSkipped()) return;
  const auto ready = run_->WaitReady();
  ASSERT_TRUE(ready) << ready.error().ToString();
  ExpectHealthy();
  const auto state = run_->State();
  ASSERT_TRUE(state) << state.error().ToString();
  const protocol::UnitState* unit = UnitNamed(*state, kUnit);
  const protocol::UnitState* agent = UnitNamed(*state, "kata-agent.service");
  ASSERT_NE(unit, nullptr);
  ASSERT_NE(agent, nullptr);
  EXPECT_EQ(unit->state, "active");
  EXPECT_GT(unit->active_us, 0u);
  EXPECT_LE(unit->active_us, agent->started_us);
  const auto control = run_->DialControl();
  ASSERT_TRUE(control) << control.error().ToString();
  for (const auto& [file, content] :
       {std::pair<std::string, std::string>{"hello", "from the extension\n"},
        {"bin/noise", Noise(300'000)}}) {
    const std::string local = folder_->path() + "/" + file.substr(file.rfind('/') + 1);
    const auto copied =
        vmm::CopyFromGuest(**control, "/run/kata-extensions/tools/" + file, local, {});
    ASSERT_TRUE(copied) << copied.error().ToString();
    EXPECT_TRUE(sys::ReadFile(local).value_or("") == content) << file;
  }
  EXPECT_THAT(run_->Console(), HasSubstr("verified by /dev/dm-0"));
  ExpectPowerOff();
}

TEST_P(Extensions, AWrongRootHashPowersTheGuestOff) {
  const std::size_t at = image_.parameter.find("root_hash=") + 10;
  image_.parameter[at] = image_.parameter[at] == '0' ? '1' : '0';
  ExpectRefused("does not fit its root hash");
}

TEST_P(Extensions, ACorruptedBlockPowersTheGuestOff) {
  image_.bytes[kMiB + 200'000] ^= 1;  // in the file's data: the superblock is right
  ExpectRefused("does not fit its root hash");
}

TEST_P(Extensions, AMissingDiskPowersTheGuestOff) {
  ExpectRefused("no disk has the serial extension-tools", false);
}

TEST_P(Extensions, VerificationCannotBeLeftOut) {
  image_.parameter.resize(image_.parameter.find('='));
  ExpectRefused("not mounted unverified");
}

INSTANTIATE_TEST_SUITE_P(Debian, Extensions,
                         ::testing::Values(kInitrdInro, kImageSystemd, kImageInro, kInitrdSystemd),
                         [](const auto& variant) { return VariantName(variant.param); });

}  // namespace
}  // namespace inro::boot_test
