for (const slider of document.querySelectorAll(".slider input")) {
  const figure = slider.closest("figure");
  const grids = figure.querySelectorAll("img");
  const show = () => {
    grids.forEach((grid, place) => { grid.hidden = place !== slider.valueAsNumber; });
    const step = grids[slider.valueAsNumber].dataset.step;
    figure.querySelector("output").textContent = step;
    slider.setAttribute("aria-valuetext", step);
  };
  slider.addEventListener("input", show);
  show();
}
