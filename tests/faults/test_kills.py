#!/usr/bin/env python3
"""Runs that are killed at random moments lose nothing: the newest checkpoint is intact, no rank survives, and what goes
on from it, on another number of ranks, ends with the same bits.

Usage: test_kills.py LAYER [N [SEED]]     N kills, 6 if it is not given
"""
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import unittest

import harness
import runs

DURATION = {}  # seconds of an undisturbed run, by (model, ranks)


class Kills(runs.Runs):
    def duration(self, model, network, ranks):
        if (model, ranks) not in DURATION:
            started = time.monotonic()
            result = self.run_in_folder(runs.training(network=network), ranks=ranks)
            self.assertEqual(result.code, 0, result)
            DURATION[model, ranks] = time.monotonic() - started
            self.clear()
        return DURATION[model, ranks]

    def disturb(self, rng, kind, model, ranks):
        """Starts a run and ends it so."""
        network = runs.PSAC if model == "psac" else runs.SEED
        env, moment = None, rng.uniform(0.2, 0.9) * self.duration(model, network, ranks)
        victim = rng.randrange(ranks)
        if kind == "in a checkpoint":
            env = runs.faulty(f"pwrite:kill:{rng.randrange(1, 60)}:.ckpt-", victim)
        elif kind == "as a checkpoint gets its name":
            env = runs.faulty(f"{rng.choice(['rename', 'fsync'])}:kill:{rng.randrange(1, 12)}:.ckpt-", 0)
        elif kind == "in the final write":
            env = runs.faulty(rng.choice([f"pwrite:kill:{rng.randrange(2, 130)}:out.h5.partial",
                                          "fsync:kill:1:out.h5.partial", "rename:kill:1:out.h5"]), 0)
        running = self.start(ranks=ranks, network=network, env=env)
        if env is None:
            time.sleep(moment)
            if kind == "kill a rank":
                running.send(signal.SIGKILL, [victim])
            elif kind == "kill mpirun":
                running.process.kill()
            elif kind == "stop all":
                running.send(signal.SIGTERM, range(ranks))
                if rng.random() < 0.5:
                    running.send(signal.SIGTERM, range(ranks))
            elif kind == "stop mpirun":
                running.process.terminate()
        return network, running.end()

    def test_kills(self):
        rng = random.Random(SEED)
        kinds = [
            "kill a rank", "in a checkpoint", "stop all", "in the final write", "kill mpirun",
            "as a checkpoint gets its name", "stop mpirun"]
        tally = {}
        for k in range(N):
            kind, ranks, later = kinds[k % len(kinds)], rng.choice([1, 2, 2, 3]), rng.choice([1, 2, 3])
            model = "notebook" if k % 5 == 4 else "psac"
            with self.subTest(number=k, kind=kind, model=model, ranks=ranks, then=later):
                network, result = self.disturb(rng, kind, model, ranks)
                left = sorted(os.listdir(self.folder))
                was_ended = not os.path.exists(self.path("out.h5"))
                if kind == "stop all" and was_ended and self.checkpoints():
                    self.assertEqual(result.code, 75, result)
                print(f"{k}: {kind}, {model}, {ranks} ranks, code {result.code}, "
                      f"left {', '.join(left) or 'nothing'}; then {later}", flush=True)
                if was_ended:
                    tally[kind] = tally.get(kind, 0) + 1
                if was_ended:
                    self.assert_goes_on(ranks=later, network=network)
            self.clear()
        print(f"{sum(tally.values())} of {N} runs were ended in time: {tally}")


if __name__ == "__main__":
    N, SEED = (int(word) for word in [*sys.argv[2:], *["6", "1"][len(sys.argv[2:]):]])
    with tempfile.TemporaryDirectory(prefix="psac") as place:
        runs.LAYER = shutil.copy(sys.argv[1], place)  # LD_PRELOAD takes no path with blanks
        unittest.main(argv=sys.argv[:1])
