"""Philox 4x32-10 against Random123's published vectors and, through a word-size-free reference, against numpy's Philox."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulation import cache, rng

cache.prepare()

from simulation import kernel  # noqa: E402

#: Random123 1.09, tests/kat_vectors, "philox4x32 10": counter, key, answer
VECTORS = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    ((0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344), (0xA4093822, 0x299F31D0), (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1)),
]
MULTIPLIERS = {32: (0xD2511F53, 0xCD9E8D57), 64: (0xD2E7470EE14C6C93, 0xCA5A826395121157)}
WEYL = {32: (0x9E3779B9, 0xBB67AE85), 64: (0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B)}


def reference(counter, key, bits):
    """Philox 4 x `bits`, ten rounds, on Python integers (Salmon et al. 2011, section 4.3)."""
    mask = (1 << bits) - 1
    c, k = list(counter), list(key)
    for _ in range(10):
        p0, p1 = c[0] * MULTIPLIERS[bits][0], c[2] * MULTIPLIERS[bits][1]
        c = [(p1 >> bits) ^ c[1] ^ k[0], p1 & mask, (p0 >> bits) ^ c[3] ^ k[1], p0 & mask]
        k = [(k[0] + WEYL[bits][0]) & mask, (k[1] + WEYL[bits][1]) & mask]
    return tuple(c)


def compiled(counter, key):
    return tuple(int(x) for x in kernel.philox(*(np.uint64(x) for x in (*counter, *key))))


@pytest.mark.parametrize(("counter", "key", "answer"), VECTORS)
def test_published_vectors(counter, key, answer):
    assert reference(counter, key, 32) == answer
    assert compiled(counter, key) == answer
    assert tuple(int(x) for x in rng.philox([counter[0]], *counter[1:], key)[:, 0]) == answer


word = st.integers(0, 2**32 - 1)


@given(st.tuples(word, word, word, word), st.tuples(word, word))
def test_compiled_and_array_versions_equal_the_reference(counter, key):
    assert compiled(counter, key) == reference(counter, key, 32)
    assert tuple(int(x) for x in rng.philox([counter[0]], *counter[1:], key)[:, 0]) == reference(counter, key, 32)


@given(st.integers(0, 2**64 - 2), st.integers(0, 2**64 - 1))
def test_the_reference_is_numpys_philox_at_64_bits(count, key):
    theirs = np.random.Philox(counter=np.array([count, 0, 0, 0], np.uint64), key=np.array([key, 0], np.uint64)).random_raw(4)
    # numpy moves the counter on before the first block
    assert reference((count + 1, 0, 0, 0), (key, 0), 64) == tuple(int(x) for x in theirs)


def test_uniforms_lie_inside_and_are_even():
    u = rng.uniforms(np.arange(250_000), 3, 0, 0, (7, 1))
    assert u.min() > 0 and u.max() < 1
    for lane in u:
        observed = np.histogram(lane, 100, (0, 1))[0]
        assert ((observed - 2500) ** 2 / 2500).sum() < 160  # chi-square, 99 degrees of freedom, p < 1e-4
    assert np.abs(np.corrcoef(u) - np.eye(4)).max() < 0.01


def test_normal_deviates_and_the_compiled_copy():
    u = rng.uniforms(np.arange(200_000), 0, 0, 0, (1, 0))[0]
    z = rng.normal(u)
    assert abs(z.mean()) < 0.01 and abs(z.std() - 1) < 0.01
    from simulation import records, world

    par = records.table(records.PAR, 1)
    par["normal"] = rng.NORMAL
    assert [kernel.normal(par[0], x) for x in u[:500].tolist()] == z[:500].tolist()
    assert world is not None
