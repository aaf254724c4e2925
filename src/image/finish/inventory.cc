#include "image/finish/inventory.h"

#include <openssl/evp.h>

#include <array>

#include "image/finish/text_lines.h"

namespace inro::image {
namespace {

std::string Md5(std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned size = 0;
  if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_md5(), nullptr) != 1) {
    return {};
  }
  std::string text;
  for (unsigned i = 0; i < size; ++i) text += fmt::format("{:02x}", digest[i]);
  return text;
}

}  // namespace

std::string StatusParagraph(std::string_view control,
                            const std::map<std::string, std::string>& conffile_digests) {
  std::string conffiles;
  for (const auto& [path, digest] : conffile_digests) {
    conffiles += fmt::format(" /{} {}\n", path, digest);
  }
  if (!conffiles.empty()) conffiles.insert(0, "Conffiles:\n");
  std::string text;
  bool placed = false;
  for (const std::string_view line : SplitLines(control)) {
    if (line.empty()) continue;
    if (line.starts_with("Description:")) {
      text += conffiles;
      placed = true;
    }
    text += fmt::format("{}\n", line);
    if (line.starts_with("Package:")) text += "Status: install ok installed\n";
  }
  if (!placed) text += conffiles;
  return text;
}

Result<> ApplyInventory(RuleContext& context) {
  const SourceTree& source = context.source();
  if (source.dpkg_control.empty()) return {};
  std::string status;
  for (const auto& [package, control] : source.dpkg_control) {
    std::map<std::string, std::string> digests;
    if (const auto files = source.conffiles.find(package); files != source.conffiles.end()) {
      for (const std::string& path : files->second) {
        const auto bytes = context.tree().ReadFile(path);
        if (bytes) digests[path] = Md5(*bytes);
      }
    }
    status += fmt::format("{}\n", StatusParagraph(control, digests));
  }
  return context.Put("var/lib/dpkg/status", MakeFile(std::move(status), 0644));
}

}  // namespace inro::image
