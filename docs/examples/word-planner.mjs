// A planner in ten lines: it does the one skill whose words are most like the goal's. docs/world.md
export async function plan({ goal }) {
  const words = new Set(goal.toLowerCase().split(/\W+/));
  const fit = (skill) => {
    const own = new Set(skill.toLowerCase().split(/\W+/));
    return [...own].filter((w) => words.has(w)).length / Math.sqrt(own.size);
  };
  return {
    views: [], // it looks at nothing
    next: async ({ skills, history }) =>
      history.some((h) => h.status === 'ok') ? 'done' : { skill: skills.reduce((a, b) => (fit(b) > fit(a) ? b : a)) },
  };
}
