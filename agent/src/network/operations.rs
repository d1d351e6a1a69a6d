//! Two layers' operations in one pass each, forward and backward.
//!
//! The tensor library has them too, to the same bits: its sums over rows look each element's place up by division, and the
//! gradient of its rectifier is five tensors. Together they were a quarter of a gradient step.

use candle_core::{CpuStorage, CustomOp1, CustomOp2, Layout, Result, Shape, Tensor, bail};

/// `[.., k, units] + [.., 1, units]`, or `+ [units]`: a row added to each row of its block.
///
/// # Errors
/// When the shapes do not fit, or the numbers are not contiguous.
pub(crate) fn add_rows(blocks: &Tensor, rows: &Tensor) -> Result<Tensor> {
    blocks.apply_op2(rows, AddRows)
}

/// `max(x, 0)`
///
/// # Errors
/// When the numbers are not contiguous.
pub(crate) fn relu(x: &Tensor) -> Result<Tensor> {
    x.apply_op1(Relu)
}

/// `max(x, slope x)`, for slopes between 0 and 1.
///
/// # Errors
/// When the numbers are not contiguous.
pub(crate) fn leaky_relu(x: &Tensor, slope: f64) -> Result<Tensor> {
    x.apply_op1(LeakyRelu(slope as f32))
}

/// The numbers that a layout shows of a storage.
///
/// # Errors
/// When they are not contiguous, or no 32 bit floats.
pub(crate) fn numbers<'s>(storage: &'s CpuStorage, layout: &Layout) -> Result<&'s [f32]> {
    match layout.contiguous_offsets() {
        Some((begin, end)) => Ok(&storage.as_slice::<f32>()?[begin..end]),
        None => bail!("numbers of the shape {:?} are not contiguous", layout.shape()),
    }
}

struct AddRows;

impl CustomOp2 for AddRows {
    fn name(&self) -> &'static str {
        "add rows"
    }

    fn cpu_fwd(&self, a: &CpuStorage, of_a: &Layout, b: &CpuStorage, of_b: &Layout) -> Result<(CpuStorage, Shape)> {
        let (blocks, rows) = (numbers(a, of_a)?, numbers(b, of_b)?);
        let (shape, units) = (of_a.dims(), of_a.dims().last().copied().unwrap_or(0));
        let mut one_each = shape.to_vec();
        if let [.., k, _] = &mut one_each[..] {
            *k = 1;
        }
        if blocks.is_empty() || (of_b.dims() != [units] && of_b.dims() != one_each) {
            bail!("rows of the shape {:?} cannot be added to {:?}", of_b.shape(), of_a.shape());
        }
        let block = blocks.len() / (rows.len() / units);
        let mut sums = Vec::with_capacity(blocks.len());
        for (block, row) in blocks.chunks_exact(block).zip(rows.chunks_exact(units)) {
            for numbers in block.chunks_exact(units) {
                sums.extend(numbers.iter().zip(row).map(|(a, b)| a + b));
            }
        }
        Ok((CpuStorage::F32(sums), of_a.shape().clone()))
    }

    fn bwd(
        &self,
        _: &Tensor,
        rows: &Tensor,
        _: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let gradient = gradient.contiguous()?;
        let of_rows = gradient.apply_op1_no_bwd(&SumRows(rows.shape().clone()))?;
        Ok((Some(gradient), Some(of_rows)))
    }
}

/// Sums of the rows of each block, from the first to the last.
struct SumRows(Shape);

impl CustomOp1 for SumRows {
    fn name(&self) -> &'static str {
        "sum rows"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let Self(shape) = self;
        let (blocks, units) = (numbers(storage, layout)?, shape.dims().last().copied().unwrap_or(1));
        let mut sums = vec![0.0; shape.elem_count()];
        let block = blocks.len() / (sums.len() / units);
        for (block, sum) in blocks.chunks_exact(block).zip(sums.chunks_exact_mut(units)) {
            for numbers in block.chunks_exact(units) {
                sum.iter_mut().zip(numbers).for_each(|(sum, number)| *sum += number);
            }
        }
        Ok((CpuStorage::F32(sums), shape.clone()))
    }
}

struct Relu;

impl CustomOp1 for Relu {
    fn name(&self) -> &'static str {
        "relu"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let positive = numbers(storage, layout)?.iter().map(|x| x.max(0.0)).collect();
        Ok((CpuStorage::F32(positive), layout.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        Ok(Some(gradient.contiguous()?.apply_op2_no_bwd(x, &ReluGradient)?))
    }
}

/// The gradient where `x` is not negative.
struct ReluGradient;

impl CustomOp2 for ReluGradient {
    fn name(&self) -> &'static str {
        "relu gradient"
    }

    fn cpu_fwd(&self, a: &CpuStorage, of_a: &Layout, b: &CpuStorage, of_b: &Layout) -> Result<(CpuStorage, Shape)> {
        let (gradient, x) = (numbers(a, of_a)?, numbers(b, of_b)?);
        let passed = gradient.iter().zip(x).map(|(gradient, x)| if *x >= 0.0 { *gradient } else { 0.0 });
        Ok((CpuStorage::F32(passed.collect()), of_a.shape().clone()))
    }
}

struct LeakyRelu(f32);

impl CustomOp1 for LeakyRelu {
    fn name(&self) -> &'static str {
        "leaky relu"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let Self(slope) = self;
        let kept = numbers(storage, layout)?.iter().map(|x| x.max(x * slope)).collect();
        Ok((CpuStorage::F32(kept), layout.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        Ok(Some(gradient.contiguous()?.apply_op2_no_bwd(x, &LeakyReluGradient(self.0))?))
    }
}

/// The gradient, times the slope where `x` is negative; at 0 the mean of both sides, as the library has it of `maximum`.
struct LeakyReluGradient(f32);

impl CustomOp2 for LeakyReluGradient {
    fn name(&self) -> &'static str {
        "leaky relu gradient"
    }

    fn cpu_fwd(&self, a: &CpuStorage, of_a: &Layout, b: &CpuStorage, of_b: &Layout) -> Result<(CpuStorage, Shape)> {
        let Self(slope) = self;
        let (gradient, x) = (numbers(a, of_a)?, numbers(b, of_b)?);
        let passed = gradient.iter().zip(x).map(|(gradient, x)| {
            let half = 0.5 * gradient;
            if *x > 0.0 {
                *gradient
            } else if *x < 0.0 {
                gradient * slope
            } else {
                half + half * slope
            }
        });
        Ok((CpuStorage::F32(passed.collect()), of_a.shape().clone()))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Var};

    use super::*;

    fn variable(shape: &[usize]) -> Var {
        let count = shape.iter().product::<usize>();
        // One in 101 is 0.
        let numbers: Vec<f32> = (0..count).map(|i| ((i * 37 % 101) as f32 - 50.0) / 7.0).collect();
        Var::from_vec(numbers, shape, &Device::Cpu).unwrap()
    }

    fn bits(tensor: &Tensor) -> Vec<u32> {
        tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap().into_iter().map(f32::to_bits).collect()
    }

    #[test]
    fn a_leaky_unit_and_its_gradient_are_those_of_the_library_to_the_last_bit() {
        let (x, weight) = (variable(&[30, 17]), variable(&[17, 30]).t().unwrap().contiguous().unwrap());
        let found = |y: Tensor| {
            let gradients = (&y * &weight).unwrap().sum_all().unwrap().backward().unwrap();
            (bits(&y), bits(gradients.get(&x).unwrap()))
        };
        assert!(x.flatten_all().unwrap().to_vec1::<f32>().unwrap().contains(&0.0));
        let theirs = found(x.maximum(&(x.as_tensor() * 0.01).unwrap()).unwrap());
        assert_eq!(found(leaky_relu(&x, 0.01).unwrap()), theirs);
    }

    #[test]
    fn values_and_gradients_are_those_of_the_library_to_the_last_bit() {
        for (blocks, rows) in [(vec![40, 16], vec![16]), (vec![6, 8, 16], vec![6, 1, 16]), (vec![1, 1], vec![1])] {
            let (blocks, rows, weight) = (variable(&blocks), variable(&rows), variable(&blocks));
            let found = |sum: Tensor, positive: &dyn Fn(&Tensor) -> Result<Tensor>| {
                let y = positive(&sum).unwrap();
                let gradients = (&y * weight.as_tensor()).unwrap().sum_all().unwrap().backward().unwrap();
                let of = |variable: &Var| bits(gradients.get(variable).unwrap());
                (bits(&y), of(&blocks), of(&rows))
            };
            let ours = found(add_rows(&blocks, &rows).unwrap(), &relu);
            let theirs = found(blocks.broadcast_add(&rows).unwrap(), &Tensor::relu);
            assert_eq!(ours, theirs, "{:?} + {:?}", blocks.shape(), rows.shape());
            assert!(ours.1.contains(&0) || ours.1.len() == 1, "nothing is negative in {ours:?}");
        }
    }

    #[test]
    fn rows_that_do_not_fit_are_refused_with_both_shapes() {
        for (blocks, rows) in [
            (vec![4, 3], vec![2]),
            (vec![6, 8, 16], vec![3, 1, 16]),
            (vec![6, 8, 16], vec![8, 1, 16]),
            (vec![12, 16], vec![3, 16]),
            (vec![0, 16], vec![16]),
        ] {
            let error = add_rows(&variable(&blocks), &variable(&rows)).unwrap_err().to_string();
            assert!(error.contains(&format!("{rows:?}")) && error.contains(&format!("{blocks:?}")), "{error}");
        }
    }
}
