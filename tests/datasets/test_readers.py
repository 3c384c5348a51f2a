import bz2
import gzip
import re
import sys
import types
import zipfile

import brainunit as u
import h5py
import numpy as np
import pytest
import scipy.io
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

import nmm_infer as nmm
from nmm_infer.datasets import read_bold, read_connectome, read_evoked
from nmm_infer.datasets._readers._tables import parse_table

LABELS = ("L.A", "L.B", "R.A", "R.B")
WEIGHTS = np.array(
    [[0.0, 4.5, 1.25, 0.0], [4.5, 0.0, 2.0, 8.0], [1.25, 2.0, 0.0, 16.0], [0.0, 8.0, 16.0, 0.0]]
)
LENGTHS = np.array(
    [[0.0, 10.0, 60.0, 70.0], [10.0, 0.0, 50.0, 55.0], [60.0, 50.0, 0.0, 12.0], [70.0, 55.0, 12.0, 0.0]]
)
CENTRES = np.array([[-40.0, 10, 5], [-30, -20, 40], [40, 10, 5], [30, -20, 40]])
DIRECTED = np.where(np.eye(4, k=1, dtype=bool), WEIGHTS + np.array([0, 0, 0.5, 0.25]), WEIGHTS)
BOLD = np.random.default_rng(7).normal(size=(12, 4))


def text(matrix, delimiter=",", header=None, index=None, corner="") -> str:
    rows = [
        [*([label] if index else []), *(repr(float(x)) for x in row)]
        for row, label in zip(matrix, index or [""] * len(matrix), strict=True)
    ]
    if header:
        rows.insert(0, [*([corner] if index else []), *header])
    return "\n".join(delimiter.join(row) for row in rows) + "\n"


def save_v73(path, **arrays):
    """As MATLAB 7.3 writes: HDF5 behind a header of 512 bytes, matrices transposed, cells as references."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, value in arrays.items():
            if isinstance(value, tuple):
                cells = [
                    file.create_dataset(
                        f"#refs#/{name}{i}", data=np.array([[ord(c)] for c in item], np.uint16)
                    )
                    for i, item in enumerate(value)
                ]
                file.create_dataset(name, data=np.array([[cell.ref for cell in cells]], dtype=h5py.ref_dtype))
            else:
                file.create_dataset(name, data=np.asarray(value).T)
    with open(path, "r+b") as stream:
        stream.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM")


def save_tvb(path, folder="", pack=False, **texts_):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in texts_.items():
            data = content.encode()
            archive.writestr(
                f"{folder}{name}.txt" + (".bz2" if pack else ""), bz2.compress(data) if pack else data
            )


def save_v73_groups(path):
    """A sparse matrix, and cells of numbers and an empty array that nobody asks for."""
    save_v73(path)
    sparse = scipy.sparse.csc_matrix(WEIGHTS)
    with h5py.File(path, "r+") as file:
        group = file.create_group("SC")
        group.attrs["MATLAB_sparse"] = np.uint64(4)
        for key, value in (
            ("data", sparse.data),
            ("ir", sparse.indices.astype(np.uint64)),
            ("jc", sparse.indptr.astype(np.uint64)),
        ):
            group.create_dataset(key, data=value)
        cell = file.create_dataset("#refs#/a", data=np.ones((3, 2)))
        file.create_dataset("runs", data=np.array([[cell.ref]], dtype=h5py.ref_dtype))
        file.create_dataset("labels", data=np.zeros(2, np.uint64)).attrs["MATLAB_empty"] = 1


def save_h5(path, **arrays):
    with h5py.File(path, "w") as file:
        for name, value in arrays.items():
            file.create_dataset(name, data=value)


def save_bids(path):
    path.write_text(text(WEIGHTS, "\t"))
    (path.parent / "nodes.tsv").write_text(
        "matrix_index\tlabel\n" + "".join(f"{i}\t{LABELS[i]}\n" for i in (2, 0, 1, 3))
    )
    path.with_name("atlas_relmat.json").write_text(
        '{"Axes": [{"NodeFile": "nodes.tsv"}, {"NodeFile": "nodes.tsv"}]}'
    )


TVB = {
    "weights": text(WEIGHTS, "   "),
    "tract_lengths": text(LENGTHS, "\t"),
    "centres": text(CENTRES, " ", index=LABELS),
}
CELL = np.array(LABELS, dtype=object)


def cut(path, share=0.6):
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    return path


# Connectomes: what each writer wrote comes back. `True` where the file has labels, lengths and centres too.

CONNECTOMES = {
    "plain csv": ("w.csv", lambda p: p.write_text(text(WEIGHTS)), False, False),
    "labelled csv": (
        "w.csv",
        lambda p: p.write_text(text(WEIGHTS, header=LABELS, index=LABELS)),
        True,
        False,
    ),
    "header only": ("w.tsv", lambda p: p.write_text(text(WEIGHTS, "\t", header=LABELS)), True, False),
    "index only": ("w.txt", lambda p: p.write_text(text(WEIGHTS, " ", index=LABELS)), True, False),
    "named corner": (
        "w.tsv",
        lambda p: p.write_text(text(WEIGHTS, "\t", header=LABELS, index=LABELS, corner="Node")),
        True,
        False,
    ),
    "semicolons, byte order mark": (
        "w.csv",
        lambda p: p.write_text("\ufeff" + text(WEIGHTS, ";", header=LABELS)),
        True,
        False,
    ),
    "comment and quotes": (
        "w.txt",
        lambda p: p.write_text("# command: x, y\n\n" + text(WEIGHTS, header=[f'"{x}"' for x in LABELS])),
        True,
        False,
    ),
    "R's header": (
        "w.txt",
        lambda p: p.write_text(" ".join(LABELS) + "\n" + text(WEIGHTS, " ", index=LABELS)),
        True,
        False,
    ),
    "trailing commas": ("w.csv", lambda p: p.write_text(text(WEIGHTS).replace("\n", ",\n")), False, False),
    "windows": (
        "W.CSV",
        lambda p: p.write_bytes(text(WEIGHTS, header=LABELS).replace("\n", "\r\n").encode()),
        True,
        False,
    ),
    "aligned columns": ("w.txt", lambda p: np.savetxt(p, WEIGHTS, fmt="%12.4f"), False, False),
    "numbered by pandas": ("w.csv", lambda p: p.write_text(text(WEIGHTS, header=list("0123"))), False, False),
    "numbered index": (
        "w.csv",
        lambda p: p.write_text(text(WEIGHTS, header=list("0123"), index=list("0123"))),
        False,
        False,
    ),
    "npy": ("w.npy", lambda p: np.save(p, WEIGHTS), False, False),
    "npz": (
        "w.npz",
        lambda p: np.savez(p, weights=WEIGHTS, lengths=LENGTHS, labels=LABELS, centres=CENTRES),
        True,
        True,
    ),
    "npz of ours": (
        "w.npz",
        lambda p: np.savez(
            p, weights=WEIGHTS, tract_lengths_mm=LENGTHS, labels=LABELS, centres_mni_mm=CENTRES, fc=1
        ),
        True,
        True,
    ),
    "mat": (
        "w.mat",
        lambda p: scipy.io.savemat(
            p, {"SC": WEIGHTS, "tract_lengths": LENGTHS, "labels": CELL, "centres": CENTRES}
        ),
        True,
        True,
    ),
    "mat, characters": (
        "w.mat",
        lambda p: scipy.io.savemat(p, {"sc": WEIGHTS, "labels": ["L.A ", "L.B ", "R.A ", "R.B "]}),
        True,
        False,
    ),
    "mat, sparse": (
        "w.mat",
        lambda p: scipy.io.savemat(p, {"connectivity": scipy.sparse.csc_matrix(WEIGHTS), "note": {"a": 1}}),
        False,
        False,
    ),
    "mat 7.3": (
        "w.mat",
        lambda p: save_v73(p, weights=WEIGHTS, lengths=LENGTHS, labels=LABELS, centres=CENTRES),
        True,
        True,
    ),
    "tvb": ("w.zip", lambda p: save_tvb(p, **TVB), True, True),
    "tvb in a folder": ("w.zip", lambda p: save_tvb(p, "connectivity_4/", **TVB), True, True),
    "tvb packed": ("w.zip", lambda p: save_tvb(p, pack=True, **TVB), True, True),
    "tvb from a mac": ("w.zip", lambda p: save_tvb(p, **TVB, **{"__MACOSX/._weights": "\x00"}), True, True),
    "tvb, weights only": ("w.zip", lambda p: save_tvb(p, weights=TVB["weights"]), False, False),
}

CONNECTOMES |= {
    "names": ("w.mat", lambda p: scipy.io.savemat(p, {"SC": WEIGHTS, "names": CELL}), True, False),
    "lines of characters": (
        "w.mat",
        lambda p: scipy.io.savemat(
            p, {"SC": WEIGHTS, "name": np.frombuffer("\n".join(LABELS).encode(), np.uint8)}
        ),
        True,
        False,
    ),
    "struct": (
        "w.mat",
        lambda p: scipy.io.savemat(
            p, {"c": {"SC": WEIGHTS, "len": LENGTHS, "labels": CELL, "centres": CENTRES}}
        ),
        True,
        True,
    ),
    "mat 7.3, characters": (
        "w.mat",
        lambda p: save_v73(
            p, SC=WEIGHTS, labels=np.array([[ord(c) for c in name] for name in LABELS], np.uint16)
        ),
        True,
        False,
    ),
    "mat 7.3, complicated": ("w.mat", lambda p: save_v73_groups(p), False, False),
    "hdf5 of tvb": (
        "w.h5",
        lambda p: save_h5(
            p, weights=WEIGHTS, tract_lengths=LENGTHS, region_labels=np.array(LABELS, "S"), centres=CENTRES
        ),
        True,
        True,
    ),
    "lengths by another name": (
        "w.zip",
        lambda p: save_tvb(p, **{"tract" if k == "tract_lengths" else k: v for k, v in TVB.items()}),
        True,
        True,
    ),
    "columns after the centres": (
        "w.zip",
        lambda p: save_tvb(p, **TVB | {"centres": TVB["centres"].replace("\n", " None\n")}),
        True,
        True,
    ),
    "counted rows": (
        "w.csv",
        lambda p: p.write_text(text(WEIGHTS, header=LABELS, index=list("0123"))),
        True,
        False,
    ),
    "commas after the header": (
        "w.csv",
        lambda p: p.write_text(",".join(LABELS) + "\n" + text(WEIGHTS).replace("\n", ",\n")),
        True,
        False,
    ),
    "UTF-16": (
        "w.txt",
        lambda p: p.write_text(text(WEIGHTS, "\t", header=LABELS), encoding="utf-16"),
        True,
        False,
    ),
    "packed": (
        "w.csv.gz",
        lambda p: p.write_bytes(gzip.compress(text(WEIGHTS, header=LABELS).encode())),
        True,
        False,
    ),
    "FSL": ("fdt_network_matrix", lambda p: p.write_text(text(WEIGHTS, "  ")), False, False),
    "BIDS": ("atlas_relmat.dense.tsv", lambda p: save_bids(p), True, False),
}


@pytest.mark.parametrize("name", CONNECTOMES)
def test_connectome_round_trip(tmp_path, name):
    file, write, labelled, complete = CONNECTOMES[name]
    write(tmp_path / file)
    connectome = read_connectome(tmp_path / file)
    np.testing.assert_allclose(connectome.weights, WEIGHTS, rtol=1e-12)
    assert connectome.labels == (LABELS if labelled else ("0", "1", "2", "3"))
    if complete:
        np.testing.assert_array_equal(connectome.lengths, LENGTHS)
        np.testing.assert_array_equal(connectome.centres, CENTRES)
    else:
        assert connectome.lengths is None
        assert connectome.centres is None


@pytest.mark.parametrize("suffix", ["csv", "npy", "npz", "mat", "zip", "v73.mat"])
def test_directions_stay(tmp_path, suffix):
    path = tmp_path / f"w.{suffix}"
    writers = {
        "csv": lambda: path.write_text(text(DIRECTED)),
        "npy": lambda: np.save(path, DIRECTED),
        "npz": lambda: np.savez(path, weights=DIRECTED),
        "mat": lambda: scipy.io.savemat(path, {"weights": DIRECTED}),
        "v73.mat": lambda: save_v73(path, weights=DIRECTED),
        "zip": lambda: save_tvb(path, weights=text(DIRECTED, " ")),
    }
    writers[suffix]()
    with pytest.raises(ValueError, match="asymmetric"):
        read_connectome(path)
    np.testing.assert_array_equal(read_connectome(path, directed=True).weights, DIRECTED)


def test_path_as_text_and_labels_given(tmp_path):
    np.save(tmp_path / "w.npy", WEIGHTS)
    assert read_connectome(str(tmp_path / "w.npy"), labels=LABELS).labels == LABELS
    with pytest.raises(ValueError, match=r"w\.npy: Connectome\(labels=\.\.\.\) has 2 labels, expected 4"):
        read_connectome(tmp_path / "w.npy", labels=["a", "b"])


LENGTH_FILES = {
    "csv": ("d.csv", lambda p: p.write_text(text(LENGTHS))),
    "labelled csv": ("d.csv", lambda p: p.write_text(text(LENGTHS, header=LABELS))),
    "npy": ("d.npy", lambda p: np.save(p, LENGTHS)),
    "mat": ("d.mat", lambda p: scipy.io.savemat(p, {"len": LENGTHS})),
}


@pytest.mark.parametrize("name", LENGTH_FILES)
def test_lengths_from_a_second_file(tmp_path, name):
    file, write = LENGTH_FILES[name]
    (tmp_path / "w.csv").write_text(text(WEIGHTS, header=LABELS))
    write(tmp_path / file)
    np.testing.assert_array_equal(
        read_connectome(tmp_path / "w.csv", lengths=tmp_path / file).lengths, LENGTHS
    )
    np.testing.assert_array_equal(
        read_connectome(tmp_path / "w.csv", lengths=str(tmp_path / file)).lengths, LENGTHS
    )


def test_lengths_as_a_quantity(tmp_path):
    np.save(tmp_path / "w.npy", WEIGHTS)
    np.testing.assert_allclose(
        read_connectome(tmp_path / "w.npy", lengths=LENGTHS * 0.1 * u.cmeter).lengths, LENGTHS, rtol=1e-6
    )


def test_negative_weights_when_they_are_meant(tmp_path):
    np.save(tmp_path / "w.npy", -WEIGHTS)
    np.testing.assert_array_equal(read_connectome(tmp_path / "w.npy", signed=True).weights, -WEIGHTS)


def _both(directory, weights, lengths):
    (directory / "w.csv").write_text(weights)
    (directory / "d.csv").write_text(lengths)
    return read_connectome(directory / "w.csv", lengths=directory / "d.csv")


def _write(directory, name, content):
    path = directory / name
    path.write_bytes(content) if isinstance(content, bytes) else path.write_text(content)
    return read_connectome(path)


def _archive(directory, **arrays):
    np.savez(directory / "w.npz", **arrays)
    return read_connectome(directory / "w.npz")


def _zip(directory, **texts_):
    save_tvb(directory / "w.zip", **texts_)
    return read_connectome(directory / "w.zip")


BAD_CONNECTOMES = {
    "asymmetric": (
        lambda d: _write(d, "w.csv", text(DIRECTED, header=LABELS)),
        r"w\.csv has asymmetric weights: the largest difference is 0\.5, between L\.B and R\.A \(\[L\.B,"
        r" R\.A\] is 2\.5, \[R\.A, L\.B\] is 2\); "
        r"expected the same in both directions; pass directed=True if it is meant; weights are \[to, from\]",
    ),
    "triangle": (
        lambda d: _write(d, "w.csv", text(np.triu(WEIGHTS))),
        r"only one triangle is filled: pass mirrored=True",
    ),
    "suffix": (
        lambda d: _write(d, "w.xlsx", "1,2"),
        r"read_connectome\(\.\.\.\) got w\.xlsx, expected a file ending in \.csv, .*\.zip, .*convert it",
    ),
    "empty": (lambda d: _write(d, "w.csv", ""), r"w\.csv has no rows, expected a table of numbers"),
    "header alone": (lambda d: _write(d, "w.csv", "a,b,c\n"), r"has a header and no rows"),
    "not text": (
        lambda d: _write(d, "w.csv", b"\x81\xfe\x00\x81" * 9),
        r"w\.csv is not UTF-8 \(byte 0x81 at 0\).*save it as UTF-8",
    ),
    "ragged": (
        lambda d: _write(d, "w.csv", "# c\n0,1,2\n1,0,3\n2,3\n"),
        r"has 2 numbers in line 4, expected 3 as in the lines before; is the file truncated",
    ),
    "word": (
        lambda d: _write(d, "w.csv", "0,1,2\n1,0,many\n2,3,0\n"),
        r"has 'many' in line 2, column 3; expected a number \(decimal point, not comma\) or n/a",
    ),
    "decimal comma": (lambda d: _write(d, "w.csv", "a;b\n0;0,5\n0,5;0\n"), r"'0,5' in line 2"),
    "header width": (
        lambda d: _write(d, "w.csv", "a,b,c\n0,1\n1,0\n"),
        r"has 3 names in its header and 2 numbers in line 2",
    ),
    "not square": (
        lambda d: _write(d, "w.csv", "0,1,4\n1,0,2\n"),
        r"w\.csv: Connectome\(weights=\.\.\.\) has shape \(2, 3\), expected a square matrix",
    ),
    "missing": (
        lambda d: _write(d, "w.csv", "0,n/a\nn/a,0\n"),
        r"w\.csv: .* has 2 NaN or infinite entries, the first at \[0, 1\]",
    ),
    "negative": (
        lambda d: _write(d, "w.csv", "0,-1\n-1,0\n"),
        r"w\.csv: .* negative entries, the first -1 at \[0, 1\]; .*pass signed=True",
    ),
    "repeated": (lambda d: _write(d, "w.csv", "a,a\n0,1\n1,0\n"), r"repeats a; expected unique labels"),
    "rows and columns": (
        lambda d: _write(d, "w.csv", text(WEIGHTS, header=LABELS, index=LABELS[::-1])),
        r"names its rows and columns differently, first 'R\.B' and 'L\.A'; expected the same regions",
    ),
    "npz keys": (
        lambda d: _archive(d, matrix=WEIGHTS, fc=1.0),
        (
            r"w\.npz holds 'matrix' \(4, 4\), 'fc' \(\); expected weights under one of weights, sc, .*pass"
            r" the array"
        ),
    ),
    "npz twice": (
        lambda d: _archive(d, weights=WEIGHTS, SC=WEIGHTS),
        r"holds 'weights' \(4, 4\), 'SC' \(4, 4\), expected only one of",
    ),
    "npz pickle": (
        lambda d: _archive(d, weights=np.array([{}], dtype=object)),
        r"w\.npz: 'weights' holds Python objects, .* save it as text, weights\.astype\(str\)",
    ),
    "lengths shape": (
        lambda d: _archive(d, weights=WEIGHTS, lengths=LENGTHS[:2, :2]),
        r"lengths=\.\.\.\) has shape \(2, 2\), expected \(4, 4\)",
    ),
    "not a zip": (
        lambda d: _write(d, "w.zip", "weights"),
        r"w\.zip cannot be read as a TVB zip \(BadZipFile: .*got 7 bytes, expected a complete file",
    ),
    "zip without weights": (
        lambda d: _zip(d, centres=TVB["centres"]),
        r"w\.zip holds centres\.txt; expected weights under one of weights",
    ),
    "zip twice": (
        lambda d: _zip(d, **{"weights": "0", "b/weights": "0"}),
        r"holds weights\.txt and b/weights\.txt, expected one weights\.txt",
    ),
    "zip ragged": (
        lambda d: _zip(d, weights="0 1\n1\n"),
        r"w\.zip/weights\.txt has 1 numbers in line 2, expected 2",
    ),
    "mat in name only": (
        lambda d: _write(d, "w.mat", "0 1\n1 0\n" * 40),
        r"w\.mat cannot be read as a MATLAB file",
    ),
    "labels differ": (
        lambda d: _both(d, text(WEIGHTS, header=LABELS), text(LENGTHS, header=LABELS[::-1])),
        (
            r"w\.csv and .*d\.csv name regions differently, first L\.A and R\.B; expected the same regions in"
            r" the same order"
        ),
    ),
    "labels more": (
        lambda d: _both(d, text(WEIGHTS[:3, :3], header=LABELS[:3]), text(LENGTHS, header=LABELS)),
        r"name regions differently, first 3 regions and 4",
    ),
}

BAD_CONNECTOMES |= {
    "complex": (
        lambda d: _archive(d, weights=WEIGHTS + 1j * WEIGHTS),
        r"w\.npz: Connectome\(weights=\.\.\.\) is complex",
    ),
    "half the lengths": (
        lambda d: _archive(d, weights=WEIGHTS, lengths=np.triu(LENGTHS)),
        r"lengths=\.\.\.\) fills one triangle only",
    ),
    "quote": (
        lambda d: _write(d, "w.csv", '"a,b\n0,1\n1,0\n'),
        r"w\.csv has a quote in line 1 that is not closed",
    ),
    "latin-1": (
        lambda d: _write(d, "w.csv", "Tübingen,b\n0,1\n1,0\n".encode("latin-1")),
        r"w\.csv is not UTF-8 \(byte 0xfc at 1\)",
    ),
    "named npy": (
        lambda d: (
            _archive(d, weights=WEIGHTS),
            (d / "w.npz").rename(d / "w.npy"),
            read_connectome(d / "w.npy"),
        ),
        r"rename it to w\.npz",
    ),
    "objects": (
        lambda d: _archive(d, weights=WEIGHTS, labels=CELL),
        r"w\.npz: 'labels' holds Python objects, .*labels\.astype\(str\)",
    ),
    "a word in the first column": (
        lambda d: _write(d, "w.csv", "a,b\n0,1\nNone,0\n"),
        r"'None' in line 3, column 1",
    ),
    "other places": (
        lambda d: (
            _archive(d, weights=WEIGHTS, labels=LABELS),
            read_connectome(d / "w.npz", labels=["x", "L.A", "y", "z"]),
        ),
        r"labels=\.\.\. gives L\.A to other regions than .*w\.npz does",
    ),
    "labels as text": (
        lambda d: (_archive(d, weights=WEIGHTS), read_connectome(d / "w.npz", labels="abcd")),
        r"labels=\.\.\.\) got the text 'abcd'",
    ),
}


@pytest.mark.parametrize("name", BAD_CONNECTOMES)
def test_bad_connectome(tmp_path, name):
    read, message = BAD_CONNECTOMES[name]
    with pytest.raises(ValueError, match=message):
        read(tmp_path)


def test_lengths_file_without_lengths(tmp_path):
    np.save(tmp_path / "w.npy", WEIGHTS)
    np.savez(tmp_path / "d.npz", weights=LENGTHS)
    with pytest.raises(
        ValueError,
        match=r"d\.npz holds 'weights' \(4, 4\); expected tract lengths under one of lengths, tract_lengths",
    ):
        read_connectome(tmp_path / "w.npy", lengths=tmp_path / "d.npz")


def test_no_such_file(tmp_path):
    with pytest.raises(
        FileNotFoundError,
        match=r"read_connectome\(\.\.\.\) got .*w\.csv, which is not there; expected a file",
    ):
        read_connectome(tmp_path / "w.csv")
    with pytest.raises(FileNotFoundError, match=r"which is a folder"):
        read_connectome(tmp_path)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.95])
@pytest.mark.parametrize("name", ["npy", "npz", "mat", "mat 7.3", "tvb packed"])
def test_truncated_files_are_named(tmp_path, name, share):
    file, write, *_ = CONNECTOMES[name]
    write(tmp_path / file)
    with pytest.raises(
        ValueError,
        match=re.escape(file)
        + r" cannot be read as a .*it may be truncated or another format .*copy it again",
    ):
        read_connectome(cut(tmp_path / file, share))


def test_labels_of_the_file_in_another_order_are_followed(tmp_path):
    np.savez(tmp_path / "w.npz", weights=WEIGHTS, lengths=LENGTHS, centres=CENTRES, labels=LABELS)
    found, order = read_connectome(tmp_path / "w.npz", labels=LABELS[::-1]), slice(None, None, -1)
    assert found.labels == LABELS[::-1]
    np.testing.assert_array_equal(found.weights, WEIGHTS[order, order])
    np.testing.assert_array_equal(found.lengths, LENGTHS[order, order])
    np.testing.assert_array_equal(found.centres, CENTRES[order])
    assert read_connectome(tmp_path / "w.npz", labels=["a", "b", "c", "d"]).labels == tuple("abcd")


def test_labels_that_cannot_be_read_are_no_matter_where_others_are_given(tmp_path):
    np.savez(tmp_path / "w.npz", weights=WEIGHTS, labels=CELL)
    assert read_connectome(tmp_path / "w.npz", labels=LABELS).labels == LABELS


def test_one_triangle_is_mirrored_where_that_is_said(tmp_path):
    np.savez(tmp_path / "w.npz", weights=np.triu(WEIGHTS), lengths=np.triu(LENGTHS))
    found = read_connectome(tmp_path / "w.npz", mirrored=True)
    np.testing.assert_array_equal(found.weights, WEIGHTS)
    np.testing.assert_array_equal(found.lengths, LENGTHS)


def test_one_of_several_atlases(tmp_path):
    arrays = {f"atlas_{name}_count_connectivity": factor * WEIGHTS for name, factor in (("A", 1), ("B", 2))}
    scipy.io.savemat(
        tmp_path / "w.mat", arrays | {"atlas_A_region_labels": list("abcd"), "atlas_B_region_labels": CELL}
    )
    found = read_connectome(tmp_path / "w.mat", variable="atlas_B_count_connectivity")
    assert found.labels == LABELS
    np.testing.assert_array_equal(found.weights, 2 * WEIGHTS)


def test_what_may_have_been_meant_is_named(tmp_path):
    np.savez(tmp_path / "w.npz", weights=WEIGHTS, parcels=LABELS)
    with pytest.warns(UserWarning, match=r"no labels and lengths under a usual name; parcels were not read"):
        read_connectome(tmp_path / "w.npz")


@pytest.mark.parametrize("pack", [bz2.compress, lambda content: content], ids=["packed", "plain"])
def test_what_is_no_connectome_is_not_unpacked(tmp_path, monkeypatch, pack):
    monkeypatch.setattr("nmm_infer.datasets._readers._tables.LONGEST", 1000)
    monkeypatch.setattr("nmm_infer.datasets._readers._tvb.LONGEST", 1000)
    with zipfile.ZipFile(tmp_path / "w.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("weights.txt" + (".bz2" if pack is bz2.compress else ""), pack(b"0 " * 10_000))
    with pytest.raises(ValueError, match=r"w\.zip/weights\.txt.* has more than 1000 bytes of text"):
        read_connectome(tmp_path / "w.zip")


@pytest.mark.parametrize("suffix", ["npz", "mat"])
def test_arrays_that_are_not_asked_for_are_not_unpacked(tmp_path, monkeypatch, suffix):
    monkeypatch.setattr("nmm_infer.datasets._readers._archives.LARGEST", 100)
    path, large = tmp_path / f"w.{suffix}", scipy.sparse.csc_matrix((1000, 1000))
    write = {
        "npz": lambda **a: np.savez(
            path, **{k: v.toarray() if scipy.sparse.issparse(v) else v for k, v in a.items()}
        ),
        "mat": lambda **a: scipy.io.savemat(path, a),
    }
    write[suffix](weights=WEIGHTS, tracts=large)
    np.testing.assert_array_equal(read_connectome(path).weights, WEIGHTS)
    write[suffix](weights=large)
    with pytest.raises(
        ValueError, match=r"'weights' has the shape \(1000, 1000\), expected at most 100 numbers"
    ):
        read_connectome(path)


codes = st.lists(st.integers(0, 99_999), min_size=3, max_size=6, unique=True)


@settings(max_examples=30, deadline=None)
@given(codes, st.booleans())
def test_codes_of_an_atlas_are_a_header_whatever_they_are(numbers, beside):
    n, names = len(numbers), [str(number) for number in numbers]
    series = np.random.default_rng(n).normal(size=(n + 3, n)).round(3)
    series[0, 0] = 0.5
    table = parse_table(text(series, header=names), "w")
    assert (table.columns, table.values.shape) == (names, series.shape)
    whole = np.triu(np.arange(n * n).reshape(n, n), 1)
    matrix = "\n".join(",".join(map(str, row)) for row in whole + whole.T)
    above = parse_table(",".join(names) + "\n" + matrix, "w")
    assert (above.columns, above.values.shape) == (names, (n, n))
    if beside:
        large = [str(100 + i) for i in range(n)]
        rows = [f"{name},{row}" for name, row in zip(large, matrix.splitlines(), strict=True)]
        cornered = parse_table("\n".join([",".join(["0", *large]), *rows]), "w")
        assert (cornered.columns, cornered.rows, cornered.values.shape) == (large, large, (n, n))


def test_a_square_of_counted_numbers_is_data():
    np.testing.assert_array_equal(
        parse_table("0,1,2\n1,0,5\n2,5,0\n", "w").values, [[0, 1, 2], [1, 0, 5], [2, 5, 0]]
    )


# BOLD


def cells(values):
    held = np.empty((1, values.shape[1]), dtype=object)
    for i, column in enumerate(values.T):
        held[0, i] = column[:, None]
    return held


def save_with_json(path):
    path.write_text(text(BOLD, "\t", header=LABELS))
    path.with_suffix(".json").write_text('{"RepetitionTime": 0.72}')


RECORDINGS = {
    "tsv": ("b.tsv", lambda p: p.write_text(text(BOLD, "\t", header=LABELS)), {}, True),
    "csv without header": ("b.csv", lambda p: p.write_text(text(BOLD)), {}, False),
    "numbered by pandas": ("b.csv", lambda p: p.write_text(text(BOLD, header=list("0123"))), {}, False),
    "csv with index": (
        "b.csv",
        lambda p: p.write_text(text(BOLD, header=LABELS, index=[str(i) for i in range(12)])),
        {},
        True,
    ),
    "a row for each region": (
        "b.csv",
        lambda p: p.write_text(
            text(BOLD.T, header=[str(i) for i in range(12)], index=LABELS, corner="region")
        ),
        {"transposed": True},
        True,
    ),
    "npy": ("b.npy", lambda p: np.save(p, BOLD), {}, False),
    "npy transposed": ("b.npy", lambda p: np.save(p, BOLD.T), {"transposed": True}, False),
    "npz": ("b.npz", lambda p: np.savez(p, bold=BOLD, labels=LABELS), {}, True),
    "npz transposed": (
        "b.npz",
        lambda p: np.savez(p, bold=BOLD.T, labels=LABELS),
        {"transposed": True},
        True,
    ),
    "mat": ("b.mat", lambda p: scipy.io.savemat(p, {"tc": BOLD, "labels": CELL}), {}, True),
    "mat 7.3": ("b.mat", lambda p: save_v73(p, TimeSeries=BOLD, labels=LABELS), {}, True),
    "labels given": ("b.npy", lambda p: np.save(p, BOLD), {"labels": LABELS}, True),
}

RECORDINGS |= {
    "codes above": (
        "b.csv",
        lambda p: p.write_text(text(BOLD, header=["2001", "17", "1001", "4"])),
        {"labels": LABELS},
        True,
    ),
    "unnamed index": (
        "b.csv",
        lambda p: p.write_text(
            text(BOLD, header=LABELS, index=[str(i) for i in range(12)], corner="Unnamed: 0")
        ),
        {},
        True,
    ),
    "names in a comment": (
        "b.1D",
        lambda p: p.write_text("\t".join(f"#{name}" for name in LABELS) + "\n" + text(BOLD, "\t")),
        {},
        True,
    ),
    "cells": ("b.mat", lambda p: scipy.io.savemat(p, {"data": cells(BOLD), "names": CELL}), {}, True),
    "dcm": (
        "b.mat",
        lambda p: scipy.io.savemat(p, {"DCM": {"Y": {"y": BOLD, "dt": 0.72, "name": CELL}}}),
        {"repetition_time": None},
        True,
    ),
    "sidecar": ("b.tsv", lambda p: save_with_json(p), {"repetition_time": None}, True),
    "left out": (
        "b.npz",
        lambda p: np.savez(
            p, bold=np.c_[BOLD[:, :2], BOLD[:, 0] * 0, BOLD[:, 2:]], labels=["L.A", "L.B", "x", "R.A", "R.B"]
        ),
        {"leave_out": ["x"]},
        True,
    ),
    "reordered": (
        "b.npz",
        lambda p: np.savez(p, bold=BOLD[:, ::-1], labels=LABELS[::-1]),
        {"labels": LABELS},
        True,
    ),
}


@pytest.mark.parametrize("name", RECORDINGS)
def test_bold_round_trip(tmp_path, name):
    file, write, options, labelled = RECORDINGS[name]
    write(tmp_path / file)
    bold = read_bold(tmp_path / file, **{"repetition_time": 0.72 * u.second} | options)
    assert bold.dims == ("time", "region")
    np.testing.assert_allclose(bold.values, BOLD, rtol=1e-12)
    assert bold.region.values.tolist() == list(LABELS if labelled else "0123")
    np.testing.assert_allclose(bold.time, 720.0 * np.arange(12), rtol=1e-6)
    assert bold.time.attrs["units"] == "ms"
    assert bold.attrs["repetition_time_ms"] == pytest.approx(720.0)


def test_repetition_time_as_a_number_is_in_ms(tmp_path):
    np.save(tmp_path / "b.npy", BOLD)
    assert read_bold(tmp_path / "b.npy", repetition_time=2000).time.values[1] == 2000.0


def test_labels_confirm_more_regions_than_time_points(tmp_path):
    np.save(tmp_path / "b.npy", BOLD.T)
    names = [str(i) for i in range(12)]
    assert read_bold(tmp_path / "b.npy", repetition_time=720, labels=names).shape == (4, 12)


def _bold(directory, values, repetition_time=720.0, header=None, **options):
    (directory / "b.csv").write_text(text(values, header=header))
    return read_bold(directory / "b.csv", repetition_time=repetition_time, **options)


def _bold_npz(directory, **arrays):
    np.savez(directory / "b.npz", **arrays)
    return read_bold(directory / "b.npz", repetition_time=720.0)


_HOLES = np.where((np.arange(12)[:, None] > 8) & (np.arange(4) % 2 == 1), np.nan, BOLD)
_FLAT = BOLD * [1, 0, 1, 1]

BAD_RECORDINGS = {
    "transposed": (
        lambda d: _bold(d, BOLD.T),
        (
            r"b\.csv has 4 time points of 12 regions, expected more time points than regions; .*pass"
            r" transposed=True, .*confirm it with labels="
        ),
    ),
    "nan": (
        lambda d: _bold(d, _HOLES, header=LABELS),
        r"has NaN or infinite values in L\.B, R\.B; expected a number at every time point; interpolate",
    ),
    "flat": (
        lambda d: _bold(d, _FLAT, header=LABELS),
        r"has no change over time in L\.B; .*parcel without coverage; pass leave_out=",
    ),
    "seconds": (
        lambda d: _bold(d, BOLD, 0.72),
        (
            r"repetition_time=\.\.\.\) got 0\.72 ms, expected at least 20 ms; seconds are written 0\.72 \*"
            r" u\.second"
        ),
    ),
    "wrong unit": (
        lambda d: _bold(d, BOLD, 2 * u.mm),
        r"read_bold\(repetition_time=\.\.\.\) got a quantity in mm, expected a quantity convertible to ms",
    ),
    "negative": (lambda d: _bold(d, BOLD, -2), r"repetition_time=\.\.\.\) must be a positive time, got -2"),
    "few labels": (
        lambda d: _bold(d, BOLD, labels=["a"]),
        r"has 4 regions and 12 time points, but there are 1 labels, expected 4; pass one for each region",
    ),
    "labels of the other axis": (
        lambda d: _bold(d, BOLD.T, labels=LABELS),
        r"but there are 4 labels, expected 12; .* flip transposed=",
    ),
    "repeated": (
        lambda d: _bold(d, BOLD, header=["a", "b", "a", "c"]),
        r"has repeated labels a, expected unique ones",
    ),
    "clock": (
        lambda d: _bold(d, BOLD, header=["Time", "b", "a", "c"]),
        r"has a column 'Time', expected a column for each region and nothing else; remove it",
    ),
    "keys": (
        lambda d: _bold_npz(d, x=BOLD),
        r"b\.npz holds 'x' \(12, 4\); expected the series under one of bold, timeseries",
    ),
    "three axes": (
        lambda d: _bold_npz(d, bold=BOLD[None]),
        r"array of float64 with shape \(1, 12, 4\), expected numbers of shape \(time, region\)",
    ),
    "texts": (
        lambda d: _bold_npz(d, bold=np.array([["a", "b"]])),
        r"array of <U1 with shape \(1, 2\), expected numbers",
    ),
}

BAD_RECORDINGS |= {
    "a clock of another name": (
        lambda d: _bold(d, np.c_[2.5 * np.arange(12), BOLD], header=["TR (s)", *LABELS]),
        r"has a column 'TR \(s\)', expected a column for each region and nothing else",
    ),
    "a clock without a name": (
        lambda d: _bold_npz(d, bold=np.c_[BOLD, 3 + np.arange(12)]),
        r"rises by the same step at every time point in 4",
    ),
    "regions in rows": (
        lambda d: (
            (d / "b.csv").write_text(text(BOLD[:8].T, header=list("01234567"), index=LABELS)),
            read_bold(d / "b.csv", repetition_time=720),
        ),
        r"names rows, L\.A, .*if these are regions pass transposed=True",
    ),
    "another repetition time": (
        lambda d: (save_with_json(d / "b.tsv"), read_bold(d / "b.tsv", repetition_time=800)),
        r"says 720 ms .* overrule=True if",
    ),
    "no repetition time": (
        lambda d: _bold(d, BOLD, None),
        r"does not say the time between volumes, nor does a \.json beside it",
    ),
    "censored": (
        lambda d: _bold(d, np.where(np.isin(np.arange(12), [3, 7])[:, None], np.nan, BOLD)),
        r"no numbers at all in 2 of 12 volumes, 3, 7",
    ),
    "labels as text": (
        lambda d: _bold(d, BOLD, labels="abcd"),
        r"read_bold\(labels=\.\.\.\) got the text 'abcd'",
    ),
    "unknown region": (
        lambda d: _bold(d, BOLD, header=LABELS, leave_out=["x"]),
        r"leave_out=\.\.\.\) names x, expected regions of",
    ),
}


def test_censored_volumes_are_interpolated_where_that_is_said(tmp_path):
    gone = np.isin(np.arange(12), [3, 7, 11])
    np.save(tmp_path / "b.npy", np.where(gone[:, None], np.nan, BOLD))
    bold = read_bold(tmp_path / "b.npy", repetition_time=720, interpolate=True)
    np.testing.assert_array_equal(bold.values[~gone], BOLD[~gone])
    np.testing.assert_allclose(
        bold.values[[3, 7, 11]], [(BOLD[2] + BOLD[4]) / 2, (BOLD[6] + BOLD[8]) / 2, BOLD[10]]
    )
    assert bold.attrs["interpolated"].tolist() == [3, 7, 11]


def test_a_wrong_repetition_time_of_a_file_is_overruled(tmp_path):
    save_with_json(tmp_path / "b.tsv")
    assert (
        read_bold(tmp_path / "b.tsv", repetition_time=800, overrule=True).attrs["repetition_time_ms"] == 800.0
    )


@pytest.mark.parametrize("name", BAD_RECORDINGS)
def test_bad_recording(tmp_path, name):
    read, message = BAD_RECORDINGS[name]
    with pytest.raises(ValueError, match=message):
        read(tmp_path)


def test_truncated_recording(tmp_path):
    np.savez(tmp_path / "b.npz", bold=BOLD)
    with pytest.raises(ValueError, match=r"b\.npz cannot be read as a NumPy archive"):
        read_bold(cut(tmp_path / "b.npz"), repetition_time=720)


def test_volumes_are_not_parcels(tmp_path):
    (tmp_path / "b.nii.gz").write_bytes(b"x")
    with pytest.raises(
        ValueError, match=r"got b\.nii\.gz, expected a file ending in \.tsv, .*\.ptseries\.nii"
    ):
        read_bold(tmp_path / "b.nii.gz", repetition_time=720)


# CIFTI


def test_cifti_without_nibabel_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "nibabel", None)
    (tmp_path / "b.ptseries.nii").write_bytes(b"x")
    with pytest.raises(
        ImportError,
        match=re.escape(
            "b.ptseries.nii needs nibabel, which is not installed; run pip install 'nmm-infer[neuro]'"
        ),
    ):
        read_bold(tmp_path / "b.ptseries.nii", repetition_time=720)


def _fake_nibabel(unit="SECOND", step=0.72):
    """Stands in for nibabel where it is not installed: the few attributes that the reader uses."""
    axes = (types.SimpleNamespace(unit=unit, step=step), types.SimpleNamespace(name=np.array(LABELS)))
    image = types.SimpleNamespace(
        header=types.SimpleNamespace(get_axis=lambda i: axes[i]), get_fdata=lambda: BOLD
    )
    return types.SimpleNamespace(load=lambda path: image)


@pytest.mark.parametrize(("unit", "step"), [("SECOND", 0.72), ("HERTZ", 5.0)])
def test_cifti_labels(tmp_path, monkeypatch, unit, step):
    monkeypatch.setitem(sys.modules, "nibabel", _fake_nibabel(unit, step))
    (tmp_path / "b.ptseries.nii").write_bytes(b"x")
    bold = read_bold(tmp_path / "b.ptseries.nii", repetition_time=720)
    assert bold.region.values.tolist() == list(LABELS)
    np.testing.assert_array_equal(bold.values, BOLD)


def test_cifti_checks_the_repetition_time(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "nibabel", _fake_nibabel())
    (tmp_path / "b.ptseries.nii").write_bytes(b"x")
    with pytest.raises(
        ValueError, match=r"says 720 ms between volumes, read_bold\(repetition_time=\.\.\.\) got 800 ms"
    ):
        read_bold(tmp_path / "b.ptseries.nii", repetition_time=800)


def test_cifti_round_trip_through_nibabel(tmp_path):
    nibabel = pytest.importorskip("nibabel")
    from nibabel.cifti2 import ParcelsAxis, SeriesAxis

    masks = [np.eye(4, dtype=bool)[i] for i in range(4)]
    from nibabel.cifti2 import BrainModelAxis

    surfaces = [
        (label, BrainModelAxis.from_mask(mask, name="CortexLeft"))
        for label, mask in zip(LABELS, masks, strict=True)
    ]
    axes = (SeriesAxis(0.0, 0.72, 12), ParcelsAxis.from_brain_models(surfaces))
    nibabel.save(nibabel.Cifti2Image(BOLD, axes), tmp_path / "b.ptseries.nii")
    bold = read_bold(tmp_path / "b.ptseries.nii", repetition_time=0.72 * u.second)
    assert bold.region.values.tolist() == list(LABELS)
    np.testing.assert_allclose(bold.values, BOLD, rtol=1e-6)
    with pytest.raises(ValueError, match="cannot be read as a CIFTI parcellated time series"):
        read_bold(cut(tmp_path / "b.ptseries.nii"), repetition_time=0.72 * u.second)


# evoked responses

SECONDS = np.arange(-2, 10) * 0.004
TRIALS = np.random.default_rng(8).normal(size=(3, 4, 12))


def save_timelock(path, *, v73=False, name="timelock", **fields):
    fields = {"avg": BOLD.T, "time": SECONDS[None], "label": LABELS, "dimord": "chan_time"} | fields
    fields = {key: value for key, value in fields.items() if value is not None}
    if v73:
        chars = {
            key: (
                np.array([[ord(letter)] for letter in value], np.uint16).T
                if isinstance(value, str)
                else value
            )
            for key, value in fields.items()
        }
        save_v73(path, **{f"{name}/{key}": value for key, value in chars.items()})
    else:
        cells = {
            key: np.array([[one] for one in value], dtype=object) if isinstance(value, tuple) else value
            for key, value in fields.items()
        }
        scipy.io.savemat(path, {name: cells})
    return path


@pytest.mark.parametrize("v73", [False, True])
def test_evoked_responses_of_fieldtrip(tmp_path, v73):
    units = ("uV",) * 4
    evoked = read_evoked(save_timelock(tmp_path / "a.mat", v73=v73, chanunit=units))
    assert (evoked.dims, evoked.sensor.values.tolist(), evoked.attrs["units"]) == (
        ("time", "sensor"),
        list(LABELS),
        "uV",
    )
    np.testing.assert_array_equal(evoked, BOLD)
    np.testing.assert_allclose(evoked.time, 1000 * SECONDS)
    both = save_timelock(tmp_path / "b.mat", v73=v73, trial=TRIALS, dimord="rpt_chan_time")
    np.testing.assert_array_equal(read_evoked(both), BOLD)
    trials = read_evoked(
        save_timelock(
            tmp_path / "c.mat", v73=v73, name="data", avg=None, trial=TRIALS, dimord="rpt_chan_time"
        ),
        unit="V",
    )
    assert (trials.dims, trials.attrs["units"]) == (("trial", "time", "sensor"), "V")
    np.testing.assert_array_equal(trials, TRIALS.transpose(0, 2, 1))
    # What is read is data.
    assert nmm.Signal.of(evoked).interval == pytest.approx(4.0)


BAD_EVOKED = {
    "no structure": (
        lambda d: scipy_mat(d / "e.mat", {"x": BOLD}),
        r"holds 'x' \(12, 4\); expected one structure with the fields avg .* ft_timelockanalysis",
    ),
    "raw": (
        lambda d: save_timelock(d / "e.mat", avg=None, trial=cells(BOLD), dimord=None),
        "values of object, expected numbers .* ft_timelockanalysis",
    ),
    "frequencies": (
        lambda d: save_timelock(d / "e.mat", avg=TRIALS, dimord="chan_freq_time"),
        "with the axes chan_freq_time, expected chan_time",
    ),
    "labels": (
        lambda d: save_timelock(d / "e.mat", label=LABELS[:3]),
        r"shape \(4, 12\), expected one for each of 3 labels and 12 times",
    ),
    "repeated": (
        lambda d: save_timelock(d / "e.mat", label=("a", "b", "a", "c")),
        "repeated labels a, expected unique",
    ),
    "irregular": (
        lambda d: save_timelock(d / "e.mat", time=SECONDS[None] ** 2),
        "irregular or decreasing times",
    ),
    "NaN": (
        lambda d: save_timelock(d / "e.mat", avg=np.where(BOLD[2, 1] == BOLD.T, np.nan, BOLD.T)),
        "NaN or infinite values in L.B; expected numbers",
    ),
    "suffix": (lambda d: cut_of(d / "e.fif"), "expected a file ending in .mat"),
}


def scipy_mat(path, arrays):
    scipy.io.savemat(path, arrays)
    return path


def cut_of(path):
    path.write_bytes(b"x")
    return path


@pytest.mark.parametrize("name", BAD_EVOKED)
def test_bad_evoked_responses(tmp_path, name):
    make, message = BAD_EVOKED[name]
    with pytest.raises(ValueError, match=message):
        read_evoked(make(tmp_path))


def test_one_of_several_evoked_responses(tmp_path):
    one = {
        "avg": BOLD.T,
        "time": SECONDS[None],
        "label": np.array([[label] for label in LABELS], dtype=object),
    }
    scipy.io.savemat(tmp_path / "e.mat", {"standard": one, "deviant": one | {"avg": 2 * BOLD.T}})
    with pytest.raises(ValueError, match=r"choose one of deviant, standard, read_evoked\(variable=...\)"):
        read_evoked(tmp_path / "e.mat")
    np.testing.assert_array_equal(read_evoked(tmp_path / "e.mat", variable="deviant"), 2 * BOLD)
    with pytest.raises(ValueError, match="evoked responses of FieldTrip are read by read_evoked"):
        read_bold(save_timelock(tmp_path / "f.mat"), repetition_time=720)
