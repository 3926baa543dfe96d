"""Independent numpy model of the e-prop rules, in their own notation.

Populations and connections are dictionaries; arrays are (batch, neurons).
"""

# ruff: noqa: E501, E731, E741, RUF005

import numpy as np

f = np.float64


class EP:
    """generic: inputs -> hidden pops (lif/alif, optional recurrence) -> one LI output"""

    def __init__(
        s,
        pops,
        conns,
        out,
        N,
        dt,
        B,
        loss,
        readout,
        alpha_mem,
        rho,
        c_reg,
        f_target,
        tau_reg,
        lr=0.01,
        train_bias=True,
    ):
        s.__dict__.update(locals())
        del s.__dict__["s"]
        s.ftar = f_target * dt / 1000
        s.afav = np.exp(-dt / tau_reg)
        s.step = 0
        for p in pops.values():
            n = p["n"]
            z = lambda: np.zeros((B, n))
            p.update(
                V=z(),
                A=z(),
                R=z(),
                E=z(),
                spk=np.zeros((B, n), bool),
                Z=z(),
                fb=z(),
                sm=z(),
                ro=z(),
                DB=np.zeros((B, n)),
                zhist=[],
                shist=[],
            )
            if p["kind"] == "li":
                p["bias"] = np.full(n, p.get("bias", 0.0), f)
                p["mB"] = 0
                p["vB"] = 0
        for c in conns:
            c["w"] = np.array(c["w"], f)
            sh = (B,) + c["w"].shape
            c.update(
                eF=np.zeros(sh),
                eA=np.zeros(sh),
                DG=np.zeros(sh),
                M=0,
                Va=0,
                ins=np.zeros((B, pops[c["trg"]]["n"])),
            )
            n = pops[c["trg"]]["n"]
            c.update(
                Psi=np.zeros((B, n)),
                FA=np.zeros((B, n)),
                Z=np.zeros((B, pops[c["src"]]["n"])),
                zh=[],
                sh=[],
            )

    def batch_begin(s):
        s.pops[s.out]["ro"][:] = 0

    def timestep(s, n, inp, Y):
        P = s.pops
        # synapse dynamics (uses state from end of previous timestep)
        for c in s.conns:
            src, trg = P[c["src"]], P[c["trg"]]
            d = c.get("d", 0)
            Z = (
                c["Z"]
                if d == 0
                else (c["zh"][-1 - d] if len(c["zh"]) > d else np.zeros_like(c["Z"]))
            )
            if trg["kind"] == "li":
                c["DG"] += Z[:, :, None] * trg["E"][:, None, :]
                if src["kind"] != "in":
                    src["fb"] += np.einsum("ij,bj->bi", c["w"], trg["E"])
            else:
                psiZ = Z[:, :, None] * c["Psi"][:, None, :]
                if trg["kind"] == "alif":
                    pb = c["Psi"][:, None, :] * trg["beta"] * c["eA"]
                    e = psiZ - pb
                    c["eA"] = psiZ + (s.rho * c["eA"] - pb)
                else:
                    e = psiZ
                c["eF"] = c["eF"] * s.alpha_mem + e
                c["DG"] += (
                    c["eF"] * trg["E"][:, None, :] + (c["FA"][:, None, :] - s.ftar) * s.c_reg * e
                )
        # spike delivery
        for c in s.conns:
            src = P[c["src"]]
            d = c.get("d", 0)
            sp = (
                src["spk"]
                if d == 0
                else (c["sh"][-1 - d] if len(c["sh"]) > d else np.zeros_like(src["spk"]))
            )
            c["ins"] += sp.astype(f) @ c["w"]
        for nm, p in P.items():
            I = np.zeros((s.B, p["n"]))
            inc = [c for c in s.conns if c["trg"] == nm]
            outg = [c for c in s.conns if c["src"] == nm]
            for c in inc:
                I += c["ins"]
                c["ins"][:] = 0
            fb = p["fb"].copy()
            p["fb"][:] = 0
            if p["kind"] == "li":
                p["V"] = np.exp(-s.dt / p["tau"]) * p["V"] + I + p["bias"]
                if s.loss == "sce":
                    o = p["sm"]
                    yt = (np.arange(p["n"])[None] == Y[:, None]).astype(f)
                else:
                    o = p["V"]
                    yt = Y[:, n]
                if s.readout == "avg":
                    p["ro"] += o / s.N
                elif s.readout == "sum":
                    p["ro"] += o
                elif s.readout == "var":
                    p["ro"] = o.copy()
                elif s.readout == "max":
                    p["ro"] = np.maximum(p["ro"], o)
                p["E"] = o - yt
                if s.train_bias:
                    p["DB"] += p["E"]
                continue
            if p["kind"] == "in":
                p["spk"] = inp[:, n].copy()
            else:
                upd = s.alpha_mem * p["V"] + I
                if p["kind"] == "alif":
                    p["A"] = p["A"] * s.rho
                if p["integ"]:
                    p["V"] = upd
                    p["R"] = np.where(p["R"] > 0, p["R"] - s.dt, p["R"])
                else:
                    inr = p["R"] > 0
                    p["V"] = np.where(inr, p["V"], upd)
                    p["R"] = np.where(inr, p["R"] - s.dt, p["R"])
                p["E"] = fb
                th = p["vth"] + (p["beta"] * p["A"] if p["kind"] == "alif" else 0)
                for c in inc:
                    c["FA"] *= s.afav
                    c["Psi"] = np.where(
                        p["R"] > 0,
                        0,
                        (0.3 / p["vth"]) * np.maximum(0, 1 - np.abs((p["V"] - th) / p["vth"])),
                    )
                p["spk"] = (p["V"] >= th) & (p["R"] <= 0)
                for c in inc:
                    c["FA"] += np.where(p["spk"], 1 - s.afav, 0)
                p["V"] = np.where(
                    p["spk"], p["V"] - (p["vth"] - p["vreset"]) if p["rel"] else p["vreset"], p["V"]
                )
                if p["kind"] == "alif":
                    p["A"] = p["A"] + p["spk"]
                p["R"] = np.where(p["spk"], p["tref"], p["R"])
            lag = any(o.get("d", 0) > 0 for o in outg)
            for c in outg:
                # engine quirk: when the source has an axonal delay the trace is not decayed on a step in which it spikes
                c["Z"] = (
                    np.where(p["spk"], c["Z"] + 1.0, c["Z"] * s.alpha_mem)
                    if lag
                    else c["Z"] * s.alpha_mem + p["spk"]
                )
                c["zh"].append(c["Z"].copy())
                c["sh"].append(p["spk"].copy())
        # end of timestep softmax
        if s.loss == "sce":
            p = P[s.out]
            e = np.exp(p["V"] - p["V"].max(1, keepdims=True))
            p["sm"] = e / e.sum(1, keepdims=True)
            if s.readout == "var":
                p["ro"] = p["sm"].copy()

    def batch_end(s):
        b1, b2, eps = 0.9, 0.999, 1e-8
        m1 = 1 / (1 - b1 ** (s.step + 1))
        m2 = 1 / (1 - b2 ** (s.step + 1))
        s.step += 1
        for c in s.conns:
            g = c["DG"].sum(0)
            c["M"] = b1 * c["M"] + (1 - b1) * g
            c["Va"] = b2 * c["Va"] + (1 - b2) * g * g
            c["w"] = c["w"] - s.lr * c["M"] * m1 / (np.sqrt(c["Va"] * m2) + eps)
            c["DG"][:] = 0
        if s.train_bias:
            p = s.pops[s.out]
            g = p["DB"].sum(0)
            p["mB"] = b1 * p["mB"] + (1 - b1) * g
            p["vB"] = b2 * p["vB"] + (1 - b2) * g * g
            p["bias"] = p["bias"] - s.lr * p["mB"] * m1 / (np.sqrt(p["vB"] * m2) + eps)
            p["DB"][:] = 0
