//! Which cells of workload, subject and number of workers run.

use std::rc::Rc;

use anyhow::{Result, bail};

use crate::workloads::Workload;

/// One cell: a workload, one of its subjects, and a number of workers.
#[derive(Debug, Clone)]
pub(crate) struct Planned {
    pub(crate) workload: Rc<Workload>,
    /// Index into the workload's subjects.
    pub(crate) subject: usize,
    pub(crate) workers: usize,
}

impl Planned {
    /// The subject's name.
    pub(crate) fn subject_name(&self) -> &'static str {
        self.workload.subjects[self.subject].name
    }
}

/// What the command line asked for. An empty list asks for everything.
#[derive(Debug)]
pub(crate) struct Choice<'a> {
    pub(crate) only: &'a [String],
    pub(crate) subjects: &'a [String],
    pub(crate) workers: &'a [usize],
}

/// The cells of `all` that `choice` asks for, grouped as the report shows them.
///
/// # Errors
///
/// When a name fits nothing, or when nothing is left to run: a misspelt name must not look like a short report.
pub(crate) fn choose(all: Vec<Workload>, choice: &Choice<'_>) -> Result<Vec<Planned>> {
    for pattern in choice.only {
        if !all.iter().any(|workload| fits(pattern, &workload.name)) {
            let names: Vec<&str> = all.iter().map(|workload| workload.name.as_str()).collect();
            bail!("no workload {pattern}; there are {}", names.join(", "));
        }
    }
    for name in choice.subjects {
        let known = |workload: &Workload| workload.subjects.iter().any(|it| it.name == name);
        if !all.iter().any(known) {
            bail!("no subject {name}");
        }
    }
    let mut cells = Vec::new();
    for workload in all.into_iter().map(Rc::new) {
        if !wanted(choice.only, |pattern| fits(pattern, &workload.name)) {
            continue;
        }
        for &workers in workload.workers {
            if !wanted(choice.workers, |asked| *asked == workers) {
                continue;
            }
            for (subject, it) in workload.subjects.iter().enumerate() {
                if wanted(choice.subjects, |name| name == it.name) {
                    cells.push(Planned {
                        workload: Rc::clone(&workload),
                        subject,
                        workers,
                    });
                }
            }
        }
    }
    if cells.is_empty() {
        bail!("nothing fits these options");
    }
    Ok(cells)
}

/// Prints the cells, one a line.
pub(crate) fn print(cells: &[Planned]) {
    for cell in cells {
        println!(
            "{} {} {}",
            cell.workload.name,
            cell.workers,
            cell.subject_name()
        );
    }
}

fn wanted<T>(asked: &[T], fits: impl FnMut(&T) -> bool) -> bool {
    asked.is_empty() || asked.iter().any(fits)
}

/// Whether `pattern` names the workload: by its own name, or by its family's, which ends in `_N`.
fn fits(pattern: &str, name: &str) -> bool {
    let family = pattern
        .strip_suffix('N')
        .filter(|family| family.ends_with('_'));
    pattern == name || family.is_some_and(|family| name.starts_with(family))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workloads;

    fn chosen(only: &[&str], subjects: &[&str]) -> Result<Vec<Planned>> {
        let own = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let (only, subjects) = (own(only), own(subjects));
        let choice = Choice {
            only: &only,
            subjects: &subjects,
            workers: &[],
        };
        choose(workloads::all(), &choice)
    }

    #[test]
    fn a_family_name_asks_for_every_capacity() {
        let cells = chosen(&["thread_spsc_N"], &["std"]).expect("the family exists");
        let names: Vec<&str> = cells
            .iter()
            .map(|cell| cell.workload.name.as_str())
            .collect();
        let capacities = ["0", "1", "128", "unbounded"];
        assert_eq!(
            names,
            capacities.map(|capacity| format!("thread_spsc_{capacity}"))
        );
    }

    #[test]
    fn a_misspelt_name_is_an_error() {
        assert!(chosen(&["yeild"], &[]).is_err());
        assert!(chosen(&[], &["tokoi"]).is_err());
    }

    #[test]
    fn a_choice_that_leaves_nothing_is_an_error() {
        assert!(chosen(&["yield"], &["rayon"]).is_err());
    }
}
