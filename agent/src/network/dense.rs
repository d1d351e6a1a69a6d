//! A layer of a network that answers: the matrix product of `candle`, without its tensors.
//!
//! A decision is a handful of rows, for which a general product spends more time on its set-up than on sums. Here the
//! weights lie as they are read, once and for all. Each output is one chain of fused products in the order of the inputs, as
//! in the product that the networks are trained with, so that both give the same bits.

use candle_core::{Result, Tensor};
use pulp::{Arch, Simd, WithSimd};

/// Outputs that are summed side by side: two registers of eight.
const LANES: usize = 16;
/// Rows that are multiplied at a time: with two registers each they leave room for the weights.
const ROWS: usize = 4;

/// `x W`, and perhaps `+ b`.
#[derive(Debug, Clone)]
pub struct Dense {
    inputs: usize,
    outputs: usize,
    /// Of each [`LANES`] outputs the weights of every input; the last ones are filled up with zeros.
    tiles: Vec<[f32; LANES]>,
    /// Empty where there is none.
    bias: Vec<f32>,
}

impl Dense {
    /// Of weights `[inputs, outputs]` and a bias `[outputs]`.
    ///
    /// # Errors
    /// When they are not of these shapes.
    pub fn new(weight: &Tensor, bias: Option<&Tensor>) -> Result<Self> {
        let (inputs, outputs) = weight.dims2()?;
        let rows = weight.to_vec2::<f32>()?;
        let bias = bias.map(Tensor::to_vec1::<f32>).transpose()?.unwrap_or_default();
        if !bias.is_empty() && bias.len() != outputs {
            candle_core::bail!("a bias of {} for {outputs} outputs", bias.len());
        }
        let mut tiles = Vec::with_capacity(outputs.div_ceil(LANES) * inputs);
        for from in (0..outputs).step_by(LANES) {
            tiles.extend(rows.iter().map(|row| {
                let mut tile = [0.0; LANES];
                let present = &row[from..outputs.min(from + LANES)];
                tile[..present.len()].copy_from_slice(present);
                tile
            }));
        }
        Ok(Self { inputs, outputs, tiles, bias })
    }

    /// Numbers that it gives of each row.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Of rows of `inputs` numbers, one after the other, into rows of `outputs`.
    ///
    /// # Panics
    /// When there is not a whole number of rows.
    pub fn apply(&self, x: &[f32], y: &mut Vec<f32>) {
        assert_eq!(x.len() % self.inputs, 0, "rows of {} numbers", self.inputs);
        y.clear();
        y.resize(x.len() / self.inputs * self.outputs, 0.0);
        Arch::new().dispatch(Product { layer: self, x, y });
        for y in y.chunks_exact_mut(self.outputs) {
            y.iter_mut().zip(&self.bias).for_each(|(y, bias)| *y += bias);
        }
    }
}

/// Rows through a layer, by the vector units at hand. All of it must be inlined into what is compiled for these.
struct Product<'a> {
    layer: &'a Dense,
    x: &'a [f32],
    y: &'a mut [f32],
}

impl WithSimd for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match S::F32_LANES {
            LANES => self.run::<S, 1>(simd),
            8 => self.run::<S, 2>(simd),
            4 => self.run::<S, 4>(simd),
            _ => self.run::<S, LANES>(simd),
        }
    }
}

impl Product<'_> {
    /// With so many registers for the lanes of a tile.
    #[inline(always)]
    fn run<S: Simd, const REGISTERS: usize>(self, simd: S) {
        let Self { layer, x, y } = self;
        let (inputs, outputs) = (layer.inputs, layer.outputs);
        let blocks = x.len() / (ROWS * inputs) * ROWS;
        let ((x, x_rest), (y, y_rest)) = (x.split_at(blocks * inputs), y.split_at_mut(blocks * outputs));
        for (x, y) in x.chunks_exact(ROWS * inputs).zip(y.chunks_exact_mut(ROWS * outputs)) {
            rows::<S, REGISTERS, ROWS, 1>(simd, layer, x, y);
        }
        // The fewer rows, the more tiles: a sum that waits for the one before it leaves room for others.
        match x_rest.len() / inputs {
            0 => {}
            1 => rows::<S, REGISTERS, 1, 4>(simd, layer, x_rest, y_rest),
            2 => rows::<S, REGISTERS, 2, 2>(simd, layer, x_rest, y_rest),
            _ => rows::<S, REGISTERS, 3, 1>(simd, layer, x_rest, y_rest),
        }
    }
}

/// So many rows, so many tiles at a time.
#[inline(always)]
fn rows<S: Simd, const REGISTERS: usize, const N: usize, const TILES: usize>(
    simd: S,
    layer: &Dense,
    x: &[f32],
    y: &mut [f32],
) {
    let tiles = layer.outputs.div_ceil(LANES);
    let together = tiles / TILES * TILES;
    for first in (0..together).step_by(TILES) {
        sums::<S, REGISTERS, N, TILES>(simd, layer, first, x, y);
    }
    for first in together..tiles {
        sums::<S, REGISTERS, N, 1>(simd, layer, first, x, y);
    }
}

/// The outputs of some tiles, from the first of them on.
#[inline(always)]
fn sums<S: Simd, const REGISTERS: usize, const N: usize, const TILES: usize>(
    simd: S,
    layer: &Dense,
    first: usize,
    x: &[f32],
    y: &mut [f32],
) {
    let Dense { inputs, outputs, .. } = *layer;
    // Each of a length that is known to be that of the loop, which then needs no check of an index.
    let weights: [&[[f32; LANES]]; TILES] =
        std::array::from_fn(|tile| &layer.tiles[(first + tile) * inputs..][..inputs]);
    let x: [&[f32]; N] = std::array::from_fn(|row| &x[row * inputs..][..inputs]);
    let mut sums = [[[simd.splat_f32s(0.0); REGISTERS]; TILES]; N];
    for input in 0..inputs {
        for (x, sums) in x.iter().zip(&mut sums) {
            let x = simd.splat_f32s(x[input]);
            for (weights, sums) in weights.iter().zip(sums) {
                let (weights, _) = S::as_simd_f32s(&weights[input]);
                for (sum, weights) in sums.iter_mut().zip(weights) {
                    *sum = simd.mul_add_f32s(x, *weights, *sum);
                }
            }
        }
    }
    for (row, sums) in sums.iter().enumerate() {
        for (tile, sums) in sums.iter().enumerate() {
            let mut written = [0.0; LANES];
            let (registers, _) = S::as_mut_simd_f32s(&mut written);
            registers.copy_from_slice(sums);
            let lanes = (first + tile) * LANES..outputs.min((first + tile + 1) * LANES);
            y[row * outputs..][lanes.clone()].copy_from_slice(&written[..lanes.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;
    use crate::rng::Stream;

    /// Numbers like those of a network, some of them zero as behind a rectifier.
    fn numbers(count: usize, stream: &mut Stream) -> Vec<f32> {
        (0..count).map(|_| (stream.normal() as f32).max(-1.0) + 1.0).collect()
    }

    #[test]
    fn a_layer_gives_the_bits_of_the_product_it_stands_for() {
        let mut stream = Stream::new(1, "layer", 0);
        for (inputs, outputs) in [(1, 1), (22, 128), (128, 128), (129, 128), (128, 2), (7, 17), (5, 100)] {
            let weight =
                Tensor::from_vec(numbers(inputs * outputs, &mut stream), (inputs, outputs), &Device::Cpu).unwrap();
            let bias = Tensor::from_vec(numbers(outputs, &mut stream), outputs, &Device::Cpu).unwrap();
            let layer = Dense::new(&weight, Some(&bias)).unwrap();
            for rows in [1, 2, 3, 4, 5, 11, 64] {
                let x = numbers(rows * inputs, &mut stream);
                let product =
                    Tensor::from_vec(x.clone(), (rows, inputs), &Device::Cpu).unwrap().matmul(&weight).unwrap();
                let expected = product.broadcast_add(&bias).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
                let mut found = Vec::new();
                layer.apply(&x, &mut found);
                assert_eq!(found, expected, "{rows} rows of {inputs} to {outputs}");
            }
        }
    }

    #[test]
    fn a_bias_of_another_length_is_refused() {
        let weight = Tensor::zeros((3, 2), candle_core::DType::F32, &Device::Cpu).unwrap();
        let bias = Tensor::zeros(3, candle_core::DType::F32, &Device::Cpu).unwrap();
        assert!(Dense::new(&weight, Some(&bias)).unwrap_err().to_string().contains("a bias of 3 for 2 outputs"));
    }
}
