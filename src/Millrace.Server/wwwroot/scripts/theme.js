// Light or dark as chosen before, ahead of the first paint; without a choice, as the system has it.
const theme = localStorage.getItem("theme");
if (theme) document.documentElement.dataset.theme = theme;
