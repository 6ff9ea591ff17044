// Comforts only: without this script the page says the same.
(() => {
  const contents = document.querySelector(".sommaire details");
  const narrow = matchMedia("(max-width: 63.99rem)");
  const fold = () => { contents.open = !narrow.matches; };
  narrow.addEventListener("change", fold);
  fold();
  contents.addEventListener("click", (event) => {
    if (narrow.matches && event.target.closest("a")) contents.open = false;
  });

  for (const figure of document.querySelectorAll(".temoin")) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Copier";
    button.addEventListener("click", async () => {
      const code = figure.querySelector("pre");
      try {
        await navigator.clipboard.writeText(code.textContent);
        button.textContent = "Copié";
      } catch {
        getSelection().selectAllChildren(code);
        button.textContent = "Sélectionné";
      }
      setTimeout(() => { button.textContent = "Copier"; }, 2000);
    });
    figure.querySelector("pre").before(button);
  }

  const scrollable = () => {
    for (const box of document.querySelectorAll(".defile")) {
      if (box.scrollWidth > box.clientWidth + 1) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
    }
  };
  addEventListener("resize", scrollable);
  scrollable();

  const links = new Map();
  for (const link of contents.querySelectorAll("a")) links.set(link.hash.slice(1), link);
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      for (const link of links.values()) link.removeAttribute("aria-current");
      links.get(entry.target.id)?.setAttribute("aria-current", "true");
    }
  }, { rootMargin: "0px 0px -75% 0px" });
  for (const id of links.keys()) {
    const target = document.getElementById(id);
    if (target) seen.observe(target);
  }
})();
