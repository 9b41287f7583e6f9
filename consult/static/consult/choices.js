// The viewer's own choices, set before the first paint: theme (console) and large text (patient).
(function () {
  const root = document.documentElement;
  const theme = localStorage.getItem("theme");
  if (theme) root.dataset.theme = theme;
  if (root.dataset.surface === "patient" && localStorage.getItem("size") === "xl") root.dataset.size = "xl";
})();
