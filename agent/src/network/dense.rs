//! A layer of a network that answers: the matrix product of `candle`, without its tensors.
//!
//! A decision is a handful of rows, for which a general product spends more time on its set-up than on sums. Here the
//! weights lie as they are read, once and for all. Each output is one chain of fused products in the order of the inputs, as
//! in the product that the networks are trained with, so that both give the same bits.

use candle_core::{Result, Tensor};
use pulp::Arch;

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
        Arch::new().dispatch(
            #[inline(always)]
            || {
                let (x_blocks, y_blocks) =
                    (x.chunks_exact(ROWS * self.inputs), y.chunks_exact_mut(ROWS * self.outputs));
                let rest = x_blocks.remainder();
                x_blocks.zip(y_blocks).for_each(|(x, y)| self.block(x, y));
                let done = x.len() / self.inputs / ROWS * ROWS * self.outputs;
                let rows = rest.chunks_exact(self.inputs).zip(y[done..].chunks_exact_mut(self.outputs));
                rows.for_each(|(x, y)| self.row(x, y));
                for y in y.chunks_exact_mut(self.outputs) {
                    y.iter_mut().zip(&self.bias).for_each(|(y, bias)| *y += bias);
                }
            },
        );
    }

    /// Of [`ROWS`] rows.
    #[inline(always)]
    fn block(&self, x: &[f32], y: &mut [f32]) {
        let (x, mut y) = (split(x, self.inputs), y.chunks_exact_mut(self.outputs));
        let mut y: [&mut [f32]; ROWS] = std::array::from_fn(|_| y.next().unwrap_or_default());
        for (index, tile) in self.tiles.chunks_exact(self.inputs).enumerate() {
            let mut sums = [[0.0; LANES]; ROWS];
            let columns = x[0].iter().zip(x[1]).zip(x[2]).zip(x[3]);
            for ((((a, b), c), d), weights) in columns.zip(tile) {
                add(&mut sums[0], *a, weights);
                add(&mut sums[1], *b, weights);
                add(&mut sums[2], *c, weights);
                add(&mut sums[3], *d, weights);
            }
            y.iter_mut().zip(&sums).for_each(|(y, sums)| put(sums, y, index));
        }
    }

    /// Of one row.
    #[inline(always)]
    fn row(&self, x: &[f32], y: &mut [f32]) {
        for (index, tile) in self.tiles.chunks_exact(self.inputs).enumerate() {
            let mut sums = [0.0; LANES];
            x.iter().zip(tile).for_each(|(x, weights)| add(&mut sums, *x, weights));
            put(&sums, y, index);
        }
    }
}

/// One fused product more in each lane.
#[inline(always)]
fn add(sums: &mut [f32; LANES], x: f32, weights: &[f32; LANES]) {
    for (sum, weight) in sums.iter_mut().zip(weights) {
        *sum = x.mul_add(*weight, *sum);
    }
}

/// The lanes of a tile where they belong, without those that only fill it up.
#[inline(always)]
fn put(sums: &[f32; LANES], y: &mut [f32], tile: usize) {
    y[tile * LANES..].iter_mut().zip(sums).for_each(|(y, sum)| *y = *sum);
}

/// The rows of a block.
#[inline(always)]
fn split(x: &[f32], width: usize) -> [&[f32]; ROWS] {
    std::array::from_fn(|row| &x[row * width..(row + 1) * width])
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
        for (inputs, outputs) in [(1, 1), (22, 128), (128, 128), (129, 128), (128, 2), (7, 17)] {
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
