//! The average of the weights over the steps.

use candle_core::{CpuStorage, InplaceOp2, Layout, Result, Tensor, Var, bail};

/// Averages of variables, newer values weighing more.
#[derive(Debug)]
pub(super) struct Average<const P: usize>([Tensor; P]);

impl<const P: usize> Average<P> {
    /// Begins with the variables as they are.
    ///
    /// # Errors
    /// When the memory cannot be had.
    pub(super) fn of(variables: &[Var; P]) -> Result<Self> {
        let copies =
            variables.iter().map(|variable| variable.as_detached_tensor().copy()).collect::<Result<Vec<_>>>()?;
        match copies.try_into() {
            Ok(copies) => Ok(Self(copies)),
            Err(_) => bail!("the number of variables is a constant"),
        }
    }

    /// `past` of what it was, and of the variables the rest.
    ///
    /// # Errors
    /// When a variable has another shape than it had.
    pub(super) fn add(&mut self, variables: &[Var; P], past: f64) -> Result<()> {
        let mix = Mix { past: past as f32, present: (1.0 - past) as f32 };
        self.0.iter().zip(variables).try_for_each(|(average, variable)| average.inplace_op2(variable, &mix))
    }

    /// The averages.
    pub(super) fn into_tensors(self) -> [Tensor; P] {
        self.0
    }
}

struct Mix {
    past: f32,
    present: f32,
}

impl InplaceOp2 for Mix {
    fn name(&self) -> &'static str {
        "average"
    }

    fn cpu_fwd(&self, average: &mut CpuStorage, layout: &Layout, new: &CpuStorage, of_new: &Layout) -> Result<()> {
        let (CpuStorage::F32(average), CpuStorage::F32(new)) = (average, new) else { bail!("not 32 bit floats") };
        if layout.shape() != of_new.shape() {
            bail!("numbers of the shape {:?} cannot be averaged with {:?}", layout.shape(), of_new.shape());
        }
        average.iter_mut().zip(new).for_each(|(average, new)| *average = *average * self.past + new * self.present);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    #[test]
    fn an_average_is_its_own_and_moves_by_the_share_of_the_new() {
        let variables = [Var::from_vec(vec![1.0_f32, -2.0], 2, &Device::Cpu).unwrap()];
        let mut average = Average::of(&variables).unwrap();
        variables[0].set(&Tensor::from_vec(vec![5.0_f32, 2.0], 2, &Device::Cpu).unwrap()).unwrap();
        average.add(&variables, 0.75).unwrap();
        average.add(&variables, 1.0).unwrap();
        let [average] = average.into_tensors();
        assert_eq!(average.to_vec1::<f32>().unwrap(), [2.0, -1.0]);
        assert_eq!(variables[0].to_vec1::<f32>().unwrap(), [5.0, 2.0]);
    }
}
