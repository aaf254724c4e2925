// Kata's own files in place of inro's, unmodified: target, agent unit, extension template,
// generator and scripts, and Kata's agent where there is one.
//
//   INRO_KATA_SOURCE  a checkout of Kata Containers 4 (src/agent/ is read)
//   INRO_KATA_AGENT   its agent, built; without it inro's agent runs by Kata's unit
//
// Skipped where the first is not set.
#include <gmock/gmock.h>

#include <cstdlib>

#include "compare/artifact_machine.h"
#include "guest_run.h"
#include "image/extension/extension_image.h"
#include "sys/file.h"
#include "vmm/control/copy.h"

namespace inro::boot_test {
namespace {

std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string Replaced(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

std::string File(const std::string& path, const std::string& source, const char* mode = "0644") {
  return fmt::format("[[files]]\npath = \"{}\"\nsource = \"{}\"\nmode = \"{}\"\n", path, source,
                     mode);
}

std::string Content(const std::string& path, const std::string& content) {
  return fmt::format("[[files]]\npath = \"{}\"\ncontent = '''\n{}'''\n", path, content);
}

class KataFiles : public BootTest, public ::testing::WithParamInterface<image::Variant> {
 protected:
  static GuestSpec Spec(const std::string& kata, const std::string& agent) {
    const std::string from = kata + "/src/agent/";
    const std::string units = "/usr/lib/systemd/system/";
    std::string unit = sys::ReadFile(from + "kata-agent.service.in").value_or("");
    unit = Replaced(unit, "@BINDIR@", "/usr/bin");
    unit = Replaced(unit, "@AGENT_NAME@", agent.empty() ? "inro-guest agent" : "kata-agent");
    GuestSpec spec = DebianWith(
        "kata-files", "",
        File(units + "kata-extension-mount@.service", from + "kata-extension-mount@.service") +
            File(units + "kata-containers.target", from + "kata-containers.target") +
            File("/usr/lib/systemd/system-generators/kata-extension-mount-generator",
                 from + "kata-extension-mount-generator.sh", "0755") +
            File("/usr/libexec/kata-extension-mount.sh", from + "kata-extension-mount.sh", "0755") +
            File("/usr/libexec/kata-extension-umount.sh", from + "kata-extension-umount.sh",
                 "0755") +
            Content(units + "kata-agent.service", unit) +
            // What Kata's root file systems and kernels have, and Debian's do not.
            Content(units + "tmp.mount",
                    "[Unit]\nDescription=Temporary files\nDefaultDependencies=no\n"
                    "[Mount]\nWhat=tmpfs\nWhere=/tmp\nType=tmpfs\nOptions=mode=1777\n") +
            Content("/etc/modules-load.d/extensions.conf", "virtio_blk\ndm_verity\nerofs\n") +
            Content("/etc/systemd/system/kata-extension-mount@.service.d/modules.conf",
                    "[Unit]\nWants=systemd-modules-load.service\n"
                    "After=systemd-modules-load.service\n"),
        {kInitrdInro, kImageSystemd});
    spec.text = Replaced(spec.text, "  \"kmod\",\n",
                         "  \"kmod\",\n  \"bash\",\n  \"coreutils\",\n  \"cryptsetup-bin\",\n"
                         "  \"mount\",\n  \"util-linux\",\n");
    if (!agent.empty()) {
      spec.text += fmt::format("[agent]\nkind = \"binary\"\nbinary = \"{}\"\n", agent);
    }
    return spec;
  }
};

TEST_P(KataFiles, RunUnmodified) {
  const std::string kata = Variable("INRO_KATA_SOURCE");
  if (kata.empty()) GTEST_SKIP() << "INRO_KATA_SOURCE names no checkout of Kata Containers";
  const auto build = BuildOnce(Spec(kata, Variable("INRO_KATA_AGENT")));
  if (!build && NoMirror(build.error())) GTEST_SKIP() << build.error().ToString();
  ASSERT_TRUE(build) << build.error().ToString();
  auto machine = build->Machine(GetParam());
  ASSERT_TRUE(machine) << machine.error().ToString();
  const auto folder = sys::TempDir::Create("inro-kata");
  ASSERT_TRUE(folder);
  image::Tree tree;
  ASSERT_TRUE(tree.Put("hello", image::MakeFile("from the extension\n")));
  const auto image = image::MakeExtensionImage("tools", tree);
  ASSERT_TRUE(image) << image.error().ToString();
  ASSERT_TRUE(sys::WriteFile(folder->path() + "/tools.img", image->bytes));
  ASSERT_TRUE(compare::AttachExtension(folder->path() + "/tools.img", image->parameter, *machine));
  auto run = GuestRun::Start(*machine, "KataFiles." + VariantName(GetParam()));
  ASSERT_TRUE(run) << run.error().ToString();
  run_ = std::move(*run);
  const auto ready = run_->WaitReady();
  ASSERT_TRUE(ready) << ready.error().ToString();
  const auto state = run_->State();
  ASSERT_TRUE(state) << state.error().ToString();
  const protocol::UnitState* unit = UnitNamed(*state, "kata-extension-mount@tools.service");
  const protocol::UnitState* agent = UnitNamed(*state, "kata-agent.service");
  ASSERT_NE(unit, nullptr);
  ASSERT_NE(agent, nullptr);
  EXPECT_EQ(unit->state, "active") << unit->result;
  EXPECT_LE(unit->active_us, agent->started_us);
  const auto control = run_->DialControl();
  ASSERT_TRUE(control) << control.error().ToString();
  const std::string local = folder->path() + "/hello";
  const auto copied = vmm::CopyFromGuest(**control, "/run/kata-extensions/tools/hello", local, {});
  ASSERT_TRUE(copied) << copied.error().ToString();
  EXPECT_EQ(sys::ReadFile(local).value_or(""), "from the extension\n");
  // Kata's unit ends the guest by `systemctl --force poweroff`.
  const auto way = run_->PowerOff();
  ASSERT_TRUE(way) << way.error().ToString();
  EXPECT_EQ(*way, vmm::PowerOffWay::kAgent) << "it had to be ended by " << Word(*way);
}

INSTANTIATE_TEST_SUITE_P(Debian, KataFiles, ::testing::Values(kInitrdInro, kImageSystemd),
                         [](const auto& variant) { return VariantName(variant.param); });

}  // namespace
}  // namespace inro::boot_test
