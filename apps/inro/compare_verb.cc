// `inro compare`.
#include <fmt/format.h>
#include <unistd.h>

#include "compare/compare.h"
#include "image/build/guest_binaries.h"
#include "image/definition/definition.h"
#include "report/html_report.h"
#include "report/json_report.h"
#include "report/text_report.h"
#include "stop_on_interrupt.h"
#include "sys/file.h"
#include "verbs.h"

namespace inro::cli {
namespace {

class CompareVerb final : public Verb {
 public:
  std::vector<Option> Options() override {
    return {
        {"DEFINITION", "", &path_, "A folder with an image.toml, or the file itself", {}, true},
        {"--all", "", &options_.all,
         "Four guests: image and initrd, each with init = systemd and init = inro"},
        {"-o,--out", "DIR", &options_.build.out_dir, "Where the artifacts go (default: here)"},
        {"-n,--rounds", "N", &rounds_, "Timed boots of each guest (default: 5)"},
        {"--memory", "MIB", &memory_, "Memory of a guest (default: 1024)"},
        {"--cpus", "N", &cpus_, "Processors of a guest (default: 2)"},
        {"--accel", "", &accel_, "How QEMU runs the guest", {"auto", "kvm", "tcg"}},
        {"--vsock", "", &vsock_, "Who carries vsock on the host", {"user", "kernel"}},
        {"--cache", "DIR", &options_.build.cache_dir, "The cache (default: ~/.cache/inro)"},
        {"--html", "FILE", &html_,
         "Where the HTML report goes (default: NAME.compare.html in DIR)"},
        {"--format", "", &format_, "How to print the table", {"text", "markdown", "json", "html"}},
    };
  }

  Result<int> Run(Session& session) override {
    INRO_ASSIGN(const image::Definition definition, image::LoadDefinition(path_));
    INRO_TRY(ReadNumbers());
    INRO_ASSIGN(options_.build.guest_dir, image::FindGuestDir(session.program));
    INRO_ASSIGN(options_.accel, vmm::ParseAccel(accel_));
    INRO_ASSIGN(options_.vsock, vmm::ParseVsockMode(vsock_));
    options_.build.interrupt = session.interrupt;
    options_.variants_dir = options_.build.out_dir + "/variants";
    // Guests die with their objects; Ctrl-C during a boot is asked for between two polls.
    const StopOnInterrupt stop(session);
    options_.limits.stop = stop.token();
    options_.limits.note = [&session](std::string_view line) { session.progress.Note(line); };
    INRO_ASSIGN(const compare::Comparison comparison,
                compare::Compare(definition, options_, session.progress));
    if (html_.empty()) html_ = options_.build.out_dir + "/" + comparison.name + ".compare.html";
    INRO_TRY(sys::WriteFileAtomically(html_, report::HtmlReport(comparison)));
    INRO_TRY(Print(Rendered(comparison)));
    return 0;
  }

 private:
  Result<> ReadNumbers() {
    struct Row {
      const char* name;
      const std::optional<std::uint64_t>& given;
      std::uint64_t least;
      std::uint64_t most;
    };
    for (const Row& row : {Row{"--rounds", rounds_, 1, 1000}, Row{"--memory", memory_, 64, 1 << 20},
                           Row{"--cpus", cpus_, 1, 255}}) {
      if (row.given && (*row.given < row.least || *row.given > row.most)) {
        return FailAs(ErrorKind::kBadInput, "{}: {} is not from {} to {}", row.name, *row.given,
                      row.least, row.most);
      }
    }
    options_.rounds = static_cast<int>(rounds_.value_or(5));
    options_.memory_mib = static_cast<unsigned>(memory_.value_or(options_.memory_mib));
    options_.cpus = static_cast<unsigned>(cpus_.value_or(options_.cpus));
    return {};
  }

  std::string Rendered(const compare::Comparison& comparison) const {
    if (format_ == "json") return report::JsonReport(comparison);
    if (format_ == "markdown") return report::MarkdownReport(comparison);
    if (format_ == "html") return report::HtmlReport(comparison);
    std::string text = report::TerminalReport(comparison, ::isatty(STDOUT_FILENO) == 1);
    text += "\nArtifacts:\n";
    for (const auto& guest : comparison.guests) text += fmt::format("  {}\n", guest.artifact);
    return text + fmt::format("Report: {}\n", html_);
  }

  std::string path_;
  std::string accel_ = "auto";
  std::string vsock_ = "user";
  std::string html_;
  std::string format_ = "text";
  std::optional<std::uint64_t> rounds_;
  std::optional<std::uint64_t> memory_;
  std::optional<std::uint64_t> cpus_;
  compare::CompareOptions options_;
};

}  // namespace

std::unique_ptr<Verb> MakeCompareVerb() { return std::make_unique<CompareVerb>(); }

}  // namespace inro::cli
