#include "image/build/package_origin.h"

#include <algorithm>

#include "image/build/package_choice.h"
#include "image/source/directory.h"
#include "image/source/mmdebstrap.h"
#include "image/source/oci.h"
#include "image/source/tar.h"

namespace inro::image {
namespace {

// A kernel package depends on these for its maintainer scripts, which make an initramfs on the
// machine itself.
constexpr std::string_view kKernelScriptPackages[] = {
    "kmod", "linux-base", "initramfs-tools", "dracut", "tiny-initramfs",
};

bool IsWordCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("+-.:_").contains(c);
}

// Whether `text` holds `word` with no further word characters around it.
bool HoldsWord(std::string_view text, std::string_view word) {
  for (std::size_t at = text.find(word); at != std::string_view::npos;
       at = text.find(word, at + 1)) {
    const bool begins = at == 0 || !IsWordCharacter(text[at - 1]);
    std::size_t end = at + word.size();
    // A full stop or colon may be punctuation.
    while (end < text.size() && (text[end] == '.' || text[end] == ':')) ++end;
    if (begins && (end == text.size() || !IsWordCharacter(text[end]))) return true;
  }
  return false;
}

}  // namespace

AptOptions PackageOrigin::OptionsFor(const std::string& suite) const {
  const SourceSettings& source = definition_.source;
  AptOptions apt;
  apt.mirror = source.mirror;
  apt.suite = suite;
  apt.components = source.components;
  apt.architecture = source.architecture;
  apt.updates = source.updates;
  apt.security_mirror = source.security;
  if (!source.keyring.empty()) apt.keyring = source.keyring;
  apt.cache_dir = options_.cache_dir;
  apt.refresh = options_.refresh;
  return apt;
}

std::unexpected<Error> PackageOrigin::Located(const Error& error) const {
  if (error.kind() != ErrorKind::kBadInput || !error.file().empty()) return std::unexpected(error);
  const std::string text = error.ToString();
  int line = 0;
  for (const auto* list : {&definition_.source.packages, &definition_.source.exclude,
                           &definition_.image.packages, &definition_.initrd.packages}) {
    for (const std::string& name : *list) {
      if (line == 0 && HoldsWord(text, name)) line = LineOfPackage(definition_, name);
    }
  }
  if (line == 0 && HoldsWord(text, definition_.kernel.package)) {
    line = definition_.LineOf("kernel.package");
  }
  if (line == 0 && HoldsWord(text, "suite")) line = definition_.LineOf("source.suite");
  if (line == 0) line = definition_.LineOf("source");
  return std::unexpected(Error::InFile(definition_.file, line, text));
}

Result<AptArchive*> PackageOrigin::Archive(const std::string& suite, Progress& progress) {
  if (archive_ && open_suite_ == suite) return &*archive_;
  archive_.reset();
  auto opened = AptArchive::Open(OptionsFor(suite), progress);
  if (!opened) return Located(opened.error());
  archive_.emplace(std::move(*opened));
  open_suite_ = suite;
  return &*archive_;
}

Result<SourceTree> PackageOrigin::SourceFor(std::string_view init, Progress& progress) {
  const SourceSettings& source = definition_.source;
  const PackageChoice choice = ChoosePackages(definition_, init);
  switch (source.kind) {
    case SourceKind::kApt: {
      INRO_ASSIGN(AptArchive * archive, Archive(source.suite, progress));
      progress.Step(fmt::format("resolve packages for init = {}", init));
      const auto resolved = archive->Resolve(choice.wanted, choice.exclude);
      if (!resolved) return Located(resolved.error());
      progress.Update(resolved->size(), 0, "packages");
      return archive->Unpack(*resolved, progress);
    }
    case SourceKind::kMmdebstrap: {
      AptOptions apt = OptionsFor(source.suite);
      apt.packages = choice.wanted;
      apt.exclude = choice.exclude;
      auto built = BuildMmdebstrap(apt, progress);
      if (!built) return Located(built.error());
      return built;
    }
    case SourceKind::kTar:
      return ImportTar(source.path, progress);
    case SourceKind::kDirectory:
      return ImportDirectory(source.path, progress);
    case SourceKind::kOci: {
      auto image = ImportOci({source.path, source.tag, source.architecture}, progress);
      if (!image && image.error().kind() == ErrorKind::kBadInput) {
        return std::unexpected(Error::InFile(definition_.file, definition_.LineOf("source.path"),
                                             image.error().ToString()));
      }
      return image;
    }
  }
  return Fail("unknown kind of source");
}

Result<SourceTree> PackageOrigin::KernelPackage(Progress& progress) {
  const KernelSettings& kernel = definition_.kernel;
  INRO_ASSIGN(AptArchive * archive,
              Archive(kernel.suite.empty() ? definition_.source.suite : kernel.suite, progress));
  progress.Step(fmt::format("resolve {}", kernel.package));
  const auto resolved = archive->Resolve(
      {kernel.package}, {std::begin(kKernelScriptPackages), std::end(kKernelScriptPackages)});
  if (!resolved) return Located(resolved.error());
  return archive->Unpack(*resolved, progress);
}

std::string PackageOrigin::Describe() const {
  return fmt::format("{} {}", kSourceKinds[static_cast<std::size_t>(definition_.source.kind)],
                     definition_.source.suite);
}

}  // namespace inro::image
