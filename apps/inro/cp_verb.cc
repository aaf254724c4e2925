// `inro cp`: files and trees between host and guest.
#include <nlohmann/json.hpp>

#include "sys/file.h"
#include "verbs.h"
#include "vmm/control/control_call.h"
#include "vmm/control/copy.h"

namespace inro::cli {
namespace {

// One side of a copy.
struct Side {
  std::string guest;  // empty: this host
  std::string path;
};

// "GUEST:PATH" names a path in a guest, where GUEST may be a path or vsock://CID itself: the colon
// before the last absolute path counts. What exists here under the whole name is a file of this
// host;
// "./" before a name makes it one.
Side ParseSide(const std::string& text) {
  const std::size_t colon = text.rfind(":/");
  const bool scheme = colon != std::string::npos && text.substr(colon).starts_with("://");
  if (colon == std::string::npos || colon == 0 || scheme || text.starts_with("./") ||
      sys::Exists(text)) {
    return {"", text};
  }
  return {text.substr(0, colon), text.substr(colon + 1)};
}

class CpVerb final : public Verb {
 public:
  std::vector<Option> Options() override {
    return {
        {"SOURCE", "", &source_, "A file or folder: PATH or GUEST:/PATH", {}, true},
        {"DESTINATION", "", &destination_, "Where it goes: PATH or GUEST:/PATH", {}, true},
        {"-a,--archive", "", &archive_,
         "Keep owners, set-id bits, extended attributes and device nodes too"},
        {"--format", "", &format_, "How to print the sum", {"text", "json"}},
    };
  }

  Result<int> Run(Session& session) override {
    const Side source = ParseSide(source_);
    const Side destination = ParseSide(destination_);
    if (source.guest.empty() == destination.guest.empty()) {
      return FailAs(ErrorKind::kBadInput,
                    "{}: write one of the two as GUEST:/PATH, with an absolute path in the guest",
                    source.guest.empty() ? "neither side is in a guest" : "both sides are guests");
    }
    if (source.guest.empty() && !sys::Exists(source.path)) {
      return FailAs(ErrorKind::kBadInput, "there is no {}", source.path);
    }
    INRO_ASSIGN(const vmm::GuestAddress guest,
                vmm::FindGuest(source.guest.empty() ? destination.guest : source.guest));
    INRO_ASSIGN(const auto client, vmm::ConnectControl(guest));
    session.progress.Step(fmt::format("copy {}", source_));
    vmm::CopyOptions options;
    options.archive = archive_;
    options.progress = [&](std::uint64_t done, std::uint64_t total) {
      session.progress.Update(done, total, "B");
    };
    INRO_ASSIGN(const vmm::CopySum sum,
                source.guest.empty()
                    ? vmm::CopyToGuest(*client, source.path, destination.path, options)
                    : vmm::CopyFromGuest(*client, source.path, destination.path, options));
    if (format_ == "json") {
      const nlohmann::ordered_json document = {{"schema", "inro-cp/1"},
                                               {"destination", sum.destination},
                                               {"files", sum.files},
                                               {"bytes", sum.bytes}};
      INRO_TRY(Print(document.dump(2) + "\n"));
    }
    return 0;
  }

 private:
  std::string source_;
  std::string destination_;
  bool archive_ = false;
  std::string format_ = "text";
};

}  // namespace

std::unique_ptr<Verb> MakeCpVerb() { return std::make_unique<CpVerb>(); }

}  // namespace inro::cli
