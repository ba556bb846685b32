compare = Compare
compare-with = Compare with job
not-the-same-work = These jobs did not do the same: module, input or parameters differ, so that their times say little about nodes.
no-run-alone = None of them ran on one node alone, so there is nothing to measure the speed-up by. Run the job again on 1 node.
compare-help = The speed-up is how many times faster it was than on one node; the efficiency is that by node. The serial share is the part of the work that did not run side by side (after Karp and Flatt): where it grows with the nodes, it is not the work that is serial but the overhead that grows.
efficiency = Efficiency
serial-share = Serial share
energy = Energy
speed-up-by-nodes = Speed-up with more nodes; the dashed line is what it would be if nothing were lost
once-more = Once more
on-nodes-at-most = Nodes at most
run-again = Run again
scale = { $nodes ->
    [one] On one node
   *[other] On 1 to { $nodes } nodes, one run after the other
}
report = Report in one file
