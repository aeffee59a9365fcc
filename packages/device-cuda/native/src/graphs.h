// CUDA graphs of one program. Addresses are baked into a graph, so a program keeps a few, one for each set of addresses it is run with. Where a set
// differs in the arguments of a few kernels alone (a loss that is written to the next place of its page), those nodes of the nearest graph are given
// the new addresses, which costs about a launch each; a new graph costs hundreds. Owns capture, the choice of a graph, and their end.
#pragma once
#include <memory>
#include <vector>

#include "program.h"

struct GraphCounts {
  uint64_t captured = 0;
  uint64_t replayed = 0;
  uint64_t updatedNodes = 0;
  uint64_t direct = 0;
  // Graphs that the driver did not make or change, and why the last: those runs were submitted step by step.
  uint64_t refused = 0;
  Failure refusal;
};

class Graphs {
 public:
  Graphs(Program& program, size_t bases);
  // Submits the program as a graph, or step by step where no graph will do.
  Failure run(CUstream stream, const double* bases, GraphCounts& counts);
  // Those that still run end on their own.
  void clear() { graphs_.clear(); }

 private:
  struct Graph {
    CUgraph graph = nullptr;
    CUgraphExec exec = nullptr;
    std::vector<double> bases;
    // The node of each step; none where the driver does not tell.
    std::vector<CUgraphNode> nodes;
    // When it ran last, in runs of the program.
    uint64_t used = 0;
    ~Graph();
  };

  // The graph that does what `bases` say, found or made; null where there is none.
  Graph* prepare(CUstream stream, const double* bases, GraphCounts& counts);
  // Steps that must be changed before `graph` does what `bases` say; -1 where changing them is not possible.
  int distance(const Graph& graph, const double* bases) const;
  Failure update(Graph& graph, const double* bases, GraphCounts& counts);
  bool makeRoom();
  Failure capture(CUstream stream, const double* bases);
  Failure captureSteps(CUstream stream, const double* bases, Graph& graph);

  Program& program_;
  size_t bases_;
  // The steps that name each base.
  std::vector<std::vector<uint32_t>> users_;
  std::vector<std::unique_ptr<Graph>> graphs_;
  uint64_t clock_ = 0;
  // Before this run of the program no graph is asked for again.
  uint64_t refusedUntil_ = 0;
};
