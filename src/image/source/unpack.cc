#include "image/source/unpack.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <numeric>
#include <optional>
#include <thread>
#include <utility>

namespace inro::image {
namespace {

constexpr std::string_view kMergedOrigin = "merged-usr";

struct MergedFolder {
  std::string_view name;
  bool always;  // else only when a package has something there
};
constexpr std::array<MergedFolder, 6> kMerged = {{
    {"bin", true},
    {"sbin", true},
    {"lib", true},
    {"lib64", true},
    {"lib32", false},
    {"libx32", false},
}};

// Puts one entry where dpkg would, following links of the tree to folders.
Result<> Lay(Tree& tree, std::string path, Node node) {
  const Node* present = tree.Find(path);
  if (present == nullptr) {
    // Only a parent that is a link can be in the way: rare, so tried last.
    auto put = tree.Put(path, node);
    if (put) return put;
    const std::string real = tree.ResolveParents(path);
    if (real == path) return put;
    return Lay(tree, real, std::move(node));
  }
  if (node.type == NodeType::kDirectory) {
    if (present->type == NodeType::kDirectory) {
      // Made in passing by a deeper path, or a folder of an earlier package: the first claim holds.
      if (present->origin.empty() || present->origin == kMergedOrigin) *tree.Find(path) = node;
      return {};
    }
    if (present->type == NodeType::kSymlink) return {};
  }
  if (node.type == NodeType::kSymlink && present->type == NodeType::kDirectory) return {};
  return tree.Put(path, std::move(node));
}

Result<> MakeMergedFolders(Tree& tree, const std::vector<Deb>& debs) {
  for (const MergedFolder& folder : kMerged) {
    const std::string prefix = std::string(folder.name) + "/";
    const auto used = [&](const Deb& deb) {
      return std::any_of(deb.entries.begin(), deb.entries.end(),
                         [&](const ArchiveEntry& entry) { return entry.path.starts_with(prefix); });
    };
    if (!folder.always && std::none_of(debs.begin(), debs.end(), used)) continue;
    const std::string target = "usr/" + std::string(folder.name);
    INRO_TRY(tree.Put(target, MakeDirectory(0755, std::string(kMergedOrigin))));
    INRO_TRY(tree.Put(folder.name, MakeSymlink(target, std::string(kMergedOrigin))));
  }
  return {};
}

// Reads all packages with as many threads as there are processors, the largest first.
Result<std::vector<Deb>> ReadAll(const PackageCache& cache, const std::vector<Package>& packages,
                                 Progress& progress) {
  std::vector<std::size_t> order(packages.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return std::pair(packages[b].installed_size, a) < std::pair(packages[a].installed_size, b);
  });
  std::vector<std::optional<Result<Deb>>> read(packages.size());
  std::atomic<std::size_t> next = 0;
  std::mutex mutex;
  std::condition_variable changed;
  std::uint64_t done_bytes = 0;
  std::size_t done = 0;
  const auto work = [&] {
    while (true) {
      const std::size_t turn = next.fetch_add(1);
      if (turn >= order.size()) return;
      const std::size_t at = order[turn];
      read[at].emplace(cache.Read(packages[at]));
      const std::lock_guard lock(mutex);
      done_bytes += packages[at].installed_size;
      ++done;
      changed.notify_one();
    }
  };
  const std::uint64_t total =
      std::accumulate(packages.begin(), packages.end(), std::uint64_t{0},
                      [](std::uint64_t sum, const Package& p) { return sum + p.installed_size; });
  {
    std::vector<std::jthread> threads;
    const std::size_t count = std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, 8);
    for (std::size_t i = 0; i < std::min(count, packages.size()); ++i) threads.emplace_back(work);
    std::unique_lock lock(mutex);
    for (std::size_t seen = 0; seen < packages.size();) {
      changed.wait(lock, [&] { return done != seen; });
      seen = done;
      const std::uint64_t bytes = done_bytes;
      lock.unlock();
      progress.Update(bytes, total, "B");
      lock.lock();
    }
  }
  std::vector<Deb> debs;
  debs.reserve(packages.size());
  for (auto& result : read) {
    if (!*result) return std::unexpected(std::move(*result).error());
    debs.push_back(std::move(**result));
  }
  return debs;
}

}  // namespace

std::string MergedPath(std::string_view path) {
  for (const MergedFolder& folder : kMerged) {
    if (!path.starts_with(folder.name)) continue;
    if (path.size() == folder.name.size()) return "";
    if (path[folder.name.size()] == '/') return "usr/" + std::string(path);
  }
  return std::string(path);
}

Result<> LayPackage(Tree& tree, std::vector<ArchiveEntry> entries, const std::string& name) {
  for (ArchiveEntry& entry : entries) {
    if (entry.path.empty()) continue;  // "./": the root's metadata is not a package's
    const std::string path = MergedPath(entry.path);
    if (path.empty()) continue;
    Node node = std::move(entry.node);
    if (!entry.hard_link.empty()) {
      const std::string target = MergedPath(entry.hard_link);
      const Node* first = tree.Find(target);
      if (first == nullptr) first = tree.Find(tree.ResolveParents(target));
      if (first == nullptr || first->type == NodeType::kDirectory) {
        return Fail("{}: {} is a hard link to {}, which is not there", name, entry.path,
                    entry.hard_link);
      }
      node = *first;
    }
    node.origin = name;
    if (auto laid = Lay(tree, path, std::move(node)); !laid) {
      return std::unexpected(laid.error().Wrap(fmt::format("unpack {}", name)));
    }
  }
  return {};
}

Result<SourceTree> UnpackPackages(const PackageCache& cache, std::vector<Package> packages,
                                  Progress& progress) {
  std::sort(packages.begin(), packages.end(),
            [](const Package& a, const Package& b) { return a.name < b.name; });
  INRO_ASSIGN(std::vector<Deb> debs, ReadAll(cache, packages, progress));
  SourceTree source;
  INRO_TRY(MakeMergedFolders(source.tree, debs));
  std::vector<std::size_t> order(packages.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto base = [&](std::size_t at) { return packages[at].name == "base-files"; };
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return std::pair(!base(a), a) < std::pair(!base(b), b);
  });
  for (const std::size_t at : order) {
    INRO_TRY(LayPackage(source.tree, std::move(debs[at].entries), packages[at].name));
  }
  for (std::size_t at = 0; at < packages.size(); ++at) {
    const Package& package = packages[at];
    Deb& deb = debs[at];
    for (auto& [kind, text] : deb.scripts) {
      source.scripts.push_back({package.name, package.version, kind, std::move(text)});
    }
    source.dpkg_control.emplace(package.name, std::move(deb.control));
    if (deb.conffiles.empty()) continue;
    std::vector<std::string>& conffiles = source.conffiles[package.name];
    for (const std::string& path : deb.conffiles) conffiles.push_back(MergedPath(path));
  }
  source.packages = std::move(packages);
  return source;
}

}  // namespace inro::image
