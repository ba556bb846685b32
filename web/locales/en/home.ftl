home-title = Your cluster
status-title = How the cluster does
welcome-title = A cluster of small computers
welcome = Small boards work on one job together here. Sign in to see what they do, and to give them something to do.
welcome-cli = In a terminal:
your-job = Your job
no-job-yet = You have not run anything yet. Take an example from the gallery, or bring a program of your own.
look = Look at it
watch = Watch
cancel = Stop
cancel-ask = Stop this job? What it has done so far is not lost: it can be retried.
picture = What the job shows of its work
cluster = Cluster
cluster-nodes = { $count ->
    [one] { $up } of { $count } node is here
   *[other] { $up } of { $count } nodes are here
}
slots-busy = Busy slots
jobs-running = Running jobs
jobs-waiting = Waiting jobs
hottest = Hottest
