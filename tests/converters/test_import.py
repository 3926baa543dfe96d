"""The converters can be imported without Keras."""

import subprocess
import sys


def test_without_keras():
    code = (
        "import sys; sys.modules['keras'] = sys.modules['tensorflow'] = None\n"
        "from mlgenn_rs.keras.converters import Converter, DataNorm, FewSpike, InputType, Simple\n"
        "from mlgenn_rs.keras.converters import spike_normalise\n"
        "assert Simple(5, input_type='if').input_type is InputType.IF\n"
        "try:\n    Simple(5, input_type='no')\nexcept ValueError:\n    print('refused')\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout == "refused\n", result.stderr
