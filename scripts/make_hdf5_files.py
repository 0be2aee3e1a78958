# Why this exists: h5py is what Keras writes its weights with. Writes test/fixtures/hdf5: the same content as the earliest
# format that h5py writes by itself has it, and as two newer ones do. Needs h5py and ml_dtypes (written with h5py 3.16,
# HDF5 2.0): python3 scripts/make_hdf5_files.py
from pathlib import Path

import h5py
import ml_dtypes
import numpy as np

out = Path(__file__).parent.parent / "test/fixtures/hdf5"
for low in ("earliest", "v108", "v110"):
    with h5py.File(out / f"{low}.h5", "w", libver=(low, "latest")) as file:
        one = file.create_dataset("one", data=np.arange(6, dtype=np.float32).reshape(2, 3))
        many, few = file.create_group("many"), file.create_group("few")
        for i in range(60):
            many[f"link{i}"] = one
        few["hard"], few["soft"] = one, h5py.SoftLink("/one")
        # As Keras marks numbers that h5py has no type for.
        halves = file.create_dataset("bfloat16", data=np.array([1, -2.5, 3e38]).astype(ml_dtypes.bfloat16))
        halves.attrs["about"], halves.attrs["dtype"] = np.arange(3), "bfloat16"
        file.create_dataset("void", data=np.zeros(3, "V2"))
        file.create_dataset("big", data=np.arange(3, dtype=">f4"))
        file.create_dataset("scalar", data=2.5)
        file.create_dataset("empty", shape=(0, 4), dtype="f8")
        file.create_dataset("null", data=h5py.Empty("f4"))
        file.create_dataset("unwritten", shape=(3,), dtype="f4")
        filters = dict(compression="gzip", shuffle=True, fletcher32=True)
        # The newest format lists chunks in ways of its own.
        file.create_dataset("chunked", data=np.arange(70.0).reshape(7, 10), chunks=(3, 4), maxshape=(None, None), **filters)
