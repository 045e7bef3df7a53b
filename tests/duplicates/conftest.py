"""A house where things follow from each other."""

from tests.working import ada, children, gazetteer, house, work_pool, worker_application

__all__ = ["ada", "children", "gazetteer", "house", "work_pool", "worker_application"]
