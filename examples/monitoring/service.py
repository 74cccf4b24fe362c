"""The service: it decides, takes what turned out, and is watched; each worker process runs this file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from model import model
from pydantic import BaseModel

import trustkit as tk
from trustkit.monitor.hooks.asgi import MonitorMiddleware
from trustkit.monitor.hooks.mapping import JsonMapping

HERE = Path(__file__).resolve().parent


class Applications(BaseModel):
    """People to decide about, each with an `id`, and `at` where the past is replayed."""

    instances: list[dict[str, Any]]


class Labels(BaseModel):
    """What people earned, once it is known."""

    ids: list[str]
    salary: list[str]
    at: float | None = None


app = FastAPI()

if store := os.environ.get("STORE"):  # without a store nothing is watched: see benchmarks/middleware.py
    monitor = tk.Monitor(
        os.environ["EVIDENCE"],
        config=HERE / "trustkit.toml",
        store=store,
        window="1d",
        label_delay="14d",
        label_ttl="60d",
        lateness=os.environ.get("LATENESS", "10s"),  # the workers do not store at the same moment
        flush_seconds=float(os.environ.get("FLUSH_SECONDS", "1")),
        windows=1000,  # of change, at most one false alarm in 1,000 days
    )
    monitor.on_alarm(lambda finding: print(f"ALARM {finding.message}", flush=True))
    app.add_middleware(
        MonitorMiddleware,
        monitor=monitor,
        routes={
            "/predict": JsonMapping(
                rows="instances",
                prediction="predictions[*].salary",
                score="predictions[*].score",
                ids="id",
                at="at" if "LATENESS" in os.environ else None,  # the past is replayed; otherwise it is now
            )
        },
    )


@app.post("/predict")
async def predict(people: Applications) -> dict[str, Any]:
    """Decide."""
    salaries, scores = model.answer(people.instances)
    return {"predictions": [{"salary": a, "score": b} for a, b in zip(salaries, scores, strict=True)]}


@app.get("/status")
def status() -> list[str]:
    """What is wrong as of now: alarms, and a store that cannot be read."""
    return [finding.message for finding in monitor.status() if finding.verdict in ("fail", "error")]


@app.post("/labels", status_code=202)
async def label(labels: Labels) -> None:
    """Take what turned out."""
    monitor.label(labels.ids, labels.salary, at=labels.at)
