"""Front of the house: visits, the waiting room, the web console and the patient's pages."""
